//! Products of operands rounded to 16 bits, and their gradients.

use ulp_autograd::{Tape, Var, grad};
use ulp_tensor::ndarray::ArrayD;
use ulp_tensor::{HalfFormat, matmul, matmul_nt, matmul_tn, random, sum_to_shape};

const FORMATS: [HalfFormat; 2] = [HalfFormat::F16, HalfFormat::Bf16];

fn draw(shape: &[usize], stream: u64) -> ArrayD<f32> {
    random::normal(shape, 4, stream)
}

fn rounded(format: HalfFormat, x: &ArrayD<f32>) -> ArrayD<f32> {
    format.widen(format.narrow(x.view()).view())
}

/// Value and gradients are f32 products of rounded operands, bit by bit.
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
            let [ra, rb, rdy] = [&a, &b, &dy].map(|x| rounded(format, x));
            assert_eq!(y.value(), matmul(ra.view(), rb.view()));
            let da = sum_to_shape(matmul_nt(rdy.view(), rb.view()).view(), a.shape());
            let db = sum_to_shape(matmul_tn(ra.view(), rdy.view()).view(), b.shape());
            assert_eq!(gradients.get(leaves[0]).unwrap(), da);
            assert_eq!(gradients.get(leaves[1]).unwrap(), db);
        }
    }
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
