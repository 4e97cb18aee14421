//! Products of 16-bit operands: against their definition.

use ulp_tensor::ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use ulp_tensor::simd::{Bf16Unit, Isa};
use ulp_tensor::{
    HalfFormat, Philox, cross_entropy, cross_entropy_vjp, linear_bf16, linear_bf16_vjp_w,
    linear_bf16_vjp_x, linear_cross_entropy_bf16_with_gradients, matmul_bf16, matmul_half, random,
};

const FORMATS: [HalfFormat; 2] = [HalfFormat::F16, HalfFormat::Bf16];

fn to_f32(format: HalfFormat, code: u16) -> f32 {
    match format {
        HalfFormat::F16 => fpbits::f16_to_f32(code),
        HalfFormat::Bf16 => fpbits::bf16_to_f32(code),
    }
}

fn from_f32(format: HalfFormat, x: f32) -> u16 {
    match format {
        HalfFormat::F16 => fpbits::f16_from_f32(x),
        HalfFormat::Bf16 => fpbits::bf16_from_f32(x),
    }
}

/// Codes without infinities and NaN: subnormal numbers, zeros of both signs, small and large ones.
fn codes(format: HalfFormat, shape: &[usize], stream: u64) -> ArrayD<u16> {
    drawn(1 << 16, shape, stream, |code| to_f32(format, code).abs() < 1e4)
}

/// Codes below `count` that are `wanted`.
pub(crate) fn drawn(
    count: u32,
    shape: &[usize],
    stream: u64,
    wanted: impl Fn(u16) -> bool,
) -> ArrayD<u16> {
    let philox = Philox::new(5, stream);
    let mut index = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        loop {
            let u: f64 = philox.uniform(index);
            index += 1;
            let code = (u * f64::from(count)) as u16;
            if wanted(code) {
                break code;
            }
        }
    })
}

fn layouts(x: &ArrayD<u16>) -> [ArrayD<u16>; 2] {
    let turned = x.t().as_standard_layout().into_owned().reversed_axes();
    let mut spread = ArrayD::from_elem(x.shape().iter().map(|n| 2 * n + 1).collect::<Vec<_>>(), 9);
    (0..x.ndim()).for_each(|i| spread.slice_axis_inplace(Axis(i), Slice::new(1, None, 2)));
    spread.assign(x);
    [turned, spread]
}

pub(crate) fn bits(x: &ArrayD<f32>) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Each element by itself: products added along K by fused multiply-add, blocks of 256 apart. In bf16 the
/// processor's unit has an order of its own.
fn element(format: HalfFormat, a: ArrayViewD<'_, u16>, b: ArrayViewD<'_, u16>) -> f32 {
    let pairs: Vec<_> =
        a.iter().zip(&b).map(|(&a, &b)| (to_f32(format, a), to_f32(format, b))).collect();
    match Bf16Unit::best().filter(|_| format == HalfFormat::Bf16) {
        Some(unit) => element_of_unit(unit, &pairs),
        None => {
            let chain = |pairs: &[(f32, f32)]| pairs.iter().fold(0.0, |s, (a, b)| a.mul_add(*b, s));
            pairs.chunks(256).map(chain).reduce(|c, s| c + s).unwrap_or(0.0)
        }
    }
}

/// As [`Bf16Unit`] has it; subnormal numbers are zero.
fn element_of_unit(unit: Bf16Unit, pairs: &[(f32, f32)]) -> f32 {
    let flushed = |x: f32| if x.is_subnormal() { 0.0_f32.copysign(x) } else { x };
    let fma = |(a, b): (f32, f32), s: f32| flushed(flushed(a).mul_add(flushed(b), s));
    if unit.name() == "amx" {
        return pairs.chunks(32).fold(0.0, |s, block| {
            let every_other = |from: usize| block.iter().skip(from).step_by(2);
            let even = every_other(0).fold(0.0, |s, &pair| fma(pair, s));
            let odd = every_other(1).fold(0.0, |s, &pair| fma(pair, s));
            flushed(s + flushed(even + odd))
        });
    }
    pairs.chunks(2).fold(0.0, |s, two| two.iter().rev().fold(s, |s, &pair| fma(pair, s)))
}

#[test]
fn a_product_follows_its_definition() {
    for format in FORMATS {
        for [m, k, n] in [[1, 1, 1], [3, 0, 2], [5, 17, 9], [33, 300, 41], [70, 600, 130]] {
            let (a, b) = (codes(format, &[m, k], 1), codes(format, &[k, n], 2));
            let expected = ArrayD::from_shape_fn(IxDyn(&[m, n]), |at| {
                element(format, a.index_axis(Axis(0), at[0]), b.index_axis(Axis(1), at[1]))
            });
            let found = matmul_half(a.view(), b.view(), format);
            assert_eq!(bits(&found), bits(&expected), "{format:?} on {:?}", Isa::best());
            for (a, b) in layouts(&a).iter().zip(&layouts(&b)) {
                assert_eq!(bits(&matmul_half(a.view(), b.view(), format)), bits(&expected));
            }
        }
    }
}

#[test]
fn batches_broadcast_as_those_of_matmul() {
    for format in FORMATS {
        let (a, b) = (codes(format, &[3, 1, 4, 7], 1), codes(format, &[5, 7, 6], 2));
        let found = matmul_half(a.view(), b.view(), format);
        assert_eq!(found.shape(), [3, 5, 4, 6]);
        for i in 0..3 {
            for j in 0..5 {
                let a = a.index_axis(Axis(0), i).index_axis_move(Axis(0), 0);
                let one = matmul_half(a, b.index_axis(Axis(0), j), format);
                let found = found.index_axis(Axis(0), i).index_axis_move(Axis(0), j);
                assert_eq!(bits(&found.to_owned()), bits(&one));
            }
        }
    }
}

fn rounded(x: &ArrayD<f32>) -> ArrayD<f32> {
    HalfFormat::Bf16.widen(HalfFormat::Bf16.narrow(x.view()).view())
}

/// The error of the sum, against f64, as the documentation has it: K + 1 roundings, each of at most u of
/// what was added so far.
#[test]
fn products_in_bf16_are_as_accurate_as_stated() {
    let (x, w) = (random::normal(&[2, 19, 200], 4, 0), random::normal(&[45, 200], 4, 1));
    let (x, w): (ArrayD<f32>, ArrayD<f32>) = (x, w);
    let y = linear_bf16(x.view(), w.view(), None);
    let wide = |x: &ArrayD<f32>| rounded(x).mapv(f64::from);
    let exact = ulp_tensor::linear(wide(&x).view(), wide(&w).view(), None);
    let (ax, aw) = (wide(&x).mapv(f64::abs), wide(&w).mapv(f64::abs));
    let size = ulp_tensor::linear(ax.view(), aw.view(), None);
    for ((y, exact), size) in y.iter().zip(&exact).zip(&size) {
        assert!((f64::from(*y) - exact).abs() <= 201.0 * 2.0_f64.powi(-24) * size);
    }
    // In f64 it is the product of the rounded operands, by definition.
    let found = linear_bf16(x.mapv(f64::from).view(), w.mapv(f64::from).view(), None);
    assert_eq!(found, exact);
}

/// A layer's three products are products of matrices, the leading axes made one.
#[test]
fn layers_in_bf16_are_products_of_matrices() {
    let (x, w): (ArrayD<f32>, ArrayD<f32>) =
        (random::normal(&[2, 19, 33], 4, 0), random::normal(&[45, 33], 4, 1));
    let dy: ArrayD<f32> = random::normal(&[2, 19, 45], 4, 2);
    let flat = |x: &ArrayD<f32>| {
        let width = x.shape()[2];
        x.clone().into_shape_with_order(IxDyn(&[38, width])).unwrap()
    };
    let bias: ArrayD<f32> = random::normal(&[45], 4, 3);
    let y = linear_bf16(x.view(), w.view(), Some(bias.view()));
    let product = matmul_bf16(flat(&x).view(), w.t()) + &bias;
    assert_eq!(bits(&flat(&y)), bits(&product));
    let dx = linear_bf16_vjp_x(dy.view(), w.view());
    assert_eq!(bits(&flat(&dx)), bits(&matmul_bf16(flat(&dy).view(), w.view())));
    let dw = linear_bf16_vjp_w(dy.view(), x.view());
    assert_eq!(bits(&dw), bits(&matmul_bf16(flat(&dy).t(), flat(&x).view())));
    // Rounding what is rounded changes nothing.
    assert_eq!(bits(&matmul_bf16(rounded(&flat(&dy)).t(), rounded(&flat(&x)).view())), bits(&dw));
}

/// A loss made with its logits in blocks: that of all logits at once, the gradient of w summed block by block.
#[test]
fn a_loss_in_bf16_is_that_of_its_parts() {
    let (n, v, block) = (600, 4500, 256);
    let x: ArrayD<f32> = random::normal(&[n, 33], 4, 0);
    let w: ArrayD<f32> = random::normal(&[v, 33], 4, 1);
    let targets: Vec<u32> = (0..n as u32).collect();
    let (loss, [dx, dw]) =
        linear_cross_entropy_bf16_with_gradients(x.view(), w.view(), &targets, None, [true; 2]);
    let logits = linear_bf16(x.view(), w.view(), None);
    assert_eq!(loss, cross_entropy(logits.view(), &targets, None));
    let dy = cross_entropy_vjp(logits.view(), &targets, None, 1.0);
    assert_eq!(bits(&dx.unwrap()), bits(&linear_bf16_vjp_x(dy.view(), w.view())));
    let parts = (0..n).step_by(block).map(|start| {
        let rows = Slice::from(start..(start + block).min(n));
        let (dy, x) = (dy.slice_axis(Axis(0), rows), x.slice_axis(Axis(0), rows));
        linear_bf16_vjp_w(dy, x)
    });
    assert_eq!(bits(&dw.unwrap()), bits(&parts.reduce(|sum, part| sum + part).unwrap()));
}

#[test]
fn codes_are_those_of_the_scalar_conversions() {
    for format in FORMATS {
        let all = ArrayD::from_shape_fn(IxDyn(&[256, 256]), |at| (at[0] * 256 + at[1]) as u16);
        let others = layouts(&all);
        for codes in [&all].into_iter().chain(&others) {
            let wide = format.widen(codes.view());
            let expected = all.mapv(|code| to_f32(format, code));
            assert_eq!(bits(&wide), bits(&expected));
            // Between the codes, and back.
            let beside = wide.mapv(|x| x * 1.001);
            let back = format.narrow(beside.t());
            assert_eq!(back, beside.mapv(|x| from_f32(format, x)).reversed_axes());
        }
    }
}

#[test]
#[should_panic(expected = "shapes [2, 3] and [4, 2] do not multiply")]
fn shapes_that_do_not_fit_are_named() {
    let zeros = |shape: [usize; 2]| ArrayD::zeros(IxDyn(&shape));
    matmul_half(zeros([2, 3]).view(), zeros([4, 2]).view(), HalfFormat::Bf16);
}
