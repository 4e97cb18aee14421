//! Products of operands rounded to 16 bits, and their gradients.

use ulp_autograd::{LinearPrecision, Tape, Var, grad};
use ulp_tensor::ndarray::{ArrayD, Axis};
use ulp_tensor::{
    HalfFormat, linear_bf16, linear_bf16_vjp_w, linear_bf16_vjp_x, matmul_half, random,
    sum_to_shape,
};

const FORMATS: [HalfFormat; 2] = [HalfFormat::F16, HalfFormat::Bf16];

fn draw(shape: &[usize], stream: u64) -> ArrayD<f32> {
    random::normal(shape, 4, stream)
}

/// Value and gradients are products of codes, bit by bit.
#[test]
fn gradients_are_products_of_rounded_operands() {
    for format in FORMATS {
        for (a, b) in [(&[3, 5][..], &[5, 4][..]), (&[2, 1, 3, 300], &[3, 300, 2])] {
            let (a, b) = (draw(a, 0), draw(b, 1));
            let tape = Tape::new();
            let leaves = [tape.leaf(a.clone()), tape.leaf(b.clone())];
            let y = leaves[0].matmul_half(leaves[1], format);
            let dy = draw(&y.shape(), 2);
            let gradients = y.backward_with(dy.clone());
            let [ca, cb, cdy] = [&a, &b, &dy].map(|x| format.narrow(x.view()));
            let turned = |x: &ArrayD<u16>| {
                let mut x = x.clone();
                x.swap_axes(x.ndim() - 2, x.ndim() - 1);
                x
            };
            assert_eq!(y.value(), matmul_half(ca.view(), cb.view(), format));
            let da = matmul_half(cdy.view(), turned(&cb).view(), format);
            let db = matmul_half(turned(&ca).view(), cdy.view(), format);
            assert_eq!(gradients.get(leaves[0]).unwrap(), sum_to_shape(da.view(), a.shape()));
            assert_eq!(gradients.get(leaves[1]).unwrap(), sum_to_shape(db.view(), b.shape()));
        }
    }
}

/// A layer's value and gradients are the three products of rounded operands, its bias left alone.
#[test]
fn layers_in_bf16_are_products_of_rounded_operands() {
    let (x, w, bias) = (draw(&[2, 7, 40], 0), draw(&[9, 40], 1), draw(&[9], 2));
    let tape = Tape::new();
    tape.set_linear_precision(LinearPrecision::Bf16);
    let leaves = [&x, &w, &bias].map(|value| tape.leaf(value.clone()));
    let y = leaves[0].linear(leaves[1], Some(leaves[2]));
    // Those recorded before keep what they had.
    tape.set_linear_precision(LinearPrecision::Full);
    let dy = draw(&[2, 7, 9], 3);
    let gradients = y.backward_with(dy.clone());
    assert_eq!(y.value(), linear_bf16(x.view(), w.view(), Some(bias.view())));
    assert_eq!(gradients.get(leaves[0]).unwrap(), linear_bf16_vjp_x(dy.view(), w.view()));
    assert_eq!(gradients.get(leaves[1]).unwrap(), linear_bf16_vjp_w(dy.view(), x.view()));
    let db = dy.sum_axis(Axis(0)).sum_axis(Axis(0));
    let found = gradients.get(leaves[2]).unwrap();
    assert!(found.iter().zip(&db).all(|(x, y)| (x - y).abs() <= 1e-5));
}

/// Operands of few bits are not rounded: gradients of a layer, of both orders, are those of f32.
#[test]
fn layers_of_what_bf16_holds_are_those_of_f32() {
    let few_bits = |shape: &[usize], stream| draw(shape, stream).mapv(|x| (4.0 * x).round() / 4.0);
    let run = |precision: LinearPrecision| {
        let tape = Tape::new();
        tape.set_linear_precision(precision);
        let (x, w) = (tape.leaf(few_bits(&[3, 4], 0)), tape.leaf(few_bits(&[2, 4], 1)));
        let y = x.linear(w, None);
        let weights = tape.constant(few_bits(&[3, 2], 2));
        let first = grad((y * weights).sum_all(), &[x, w]);
        let both = first.iter().map(|g| (g.unwrap() * 0.25).sum_all());
        let second = grad(both.reduce(|x, y| x + y).unwrap(), &[x, w]);
        let values = [first, second].concat().into_iter().map(|g| g.unwrap().value());
        (y.value(), values.collect::<Vec<_>>())
    };
    assert_eq!(run(LinearPrecision::Bf16), run(LinearPrecision::Full));
}

/// A product of two matrices.
type Product<'p> = dyn for<'t> Fn(Var<'t, f32>, Var<'t, f32>) -> Var<'t, f32> + 'p;

/// Operands of few bits are not rounded: values and gradients of both orders are those of f32.
#[test]
fn what_16_bits_hold_is_multiplied_as_in_f32() {
    let few_bits = |shape: &[usize], stream| draw(shape, stream).mapv(|x| (4.0 * x).round() / 4.0);
    for format in FORMATS {
        let run = |product: &Product<'_>| {
            let tape = Tape::new();
            let (a, b) = (tape.leaf(few_bits(&[3, 4], 0)), tape.leaf(few_bits(&[4, 2], 1)));
            let y = product(a, b);
            let w = tape.constant(few_bits(&[3, 2], 2));
            let first = grad((y * w).sum_all(), &[a, b]);
            // Of products of products: sums of a few multiples of 1/16.
            let both = first.iter().map(|g| (g.unwrap() * 0.25).sum_all());
            let second = grad(both.reduce(|x, y| x + y).unwrap(), &[a, b]);
            let values = [first, second].concat();
            let values = values.into_iter().map(|g| g.unwrap().value());
            (y.value(), values.collect::<Vec<_>>())
        };
        assert_eq!(run(&|a, b| a.matmul_half(b, format)), run(&|a, b| a.matmul(b)));
    }
}
