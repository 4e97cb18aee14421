//! Products of 16-bit operands: against their definition.

use ulp_tensor::ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use ulp_tensor::simd::Isa;
use ulp_tensor::{HalfFormat, Philox, matmul, matmul_half};

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
    let philox = Philox::new(5, stream);
    let mut index = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        loop {
            let u: f64 = philox.uniform(index);
            index += 1;
            let code = (u * 65536.0) as u16;
            if to_f32(format, code).abs() < 1e4 {
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

fn bits(x: &ArrayD<f32>) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Each element by itself: products added along K by fused multiply-add, blocks of 256 apart.
fn element(format: HalfFormat, a: ArrayViewD<'_, u16>, b: ArrayViewD<'_, u16>) -> f32 {
    let pairs: Vec<_> = a.iter().zip(&b).collect();
    let block = |pairs: &[(&u16, &u16)]| {
        let term = |s, &(&a, &b): &(&u16, &u16)| to_f32(format, a).mul_add(to_f32(format, b), s);
        pairs.iter().fold(0.0, term)
    };
    pairs.chunks(256).map(block).reduce(|c, s| c + s).unwrap_or(0.0)
}

#[test]
fn a_product_is_that_of_the_widened_operands() {
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
        let wide = matmul(format.widen(a.view()).view(), format.widen(b.view()).view());
        let found = matmul_half(a.view(), b.view(), format);
        assert_eq!((found.shape(), bits(&found)), (&[3, 5, 4, 6][..], bits(&wide)));
    }
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
