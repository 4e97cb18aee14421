//! Operands of 8 bits: against their definition.

use ulp_tensor::ndarray::{Array3, ArrayD, ArrayView1, Axis, Ix2, Ix3, Slice, s};
use ulp_tensor::{
    Fp8Format, HalfFormat, attention, attention_fp8, attention_half, matmul_fp8, matmul_half,
    random,
};

use crate::half::{bits, drawn};

const FORMATS: [Fp8Format; 2] = [Fp8Format::E4m3fn, Fp8Format::E5m2];

fn to_f32(format: Fp8Format, code: u8) -> f32 {
    match format {
        Fp8Format::E4m3fn => fpbits::e4m3fn_to_f32(code),
        Fp8Format::E5m2 => fpbits::e5m2_to_f32(code),
    }
}

fn from_f32(format: Fp8Format, x: f32) -> u8 {
    match format {
        Fp8Format::E4m3fn => fpbits::e4m3fn_from_f32(x),
        Fp8Format::E5m2 => fpbits::e5m2_from_f32(x),
    }
}

/// Codes of finite numbers.
fn codes(format: Fp8Format, shape: &[usize], stream: u64) -> ArrayD<u8> {
    drawn(256, shape, stream, |code| to_f32(format, code as u8).is_finite()).mapv(|code| code as u8)
}

#[test]
fn codes_are_those_of_one_number_after_another() {
    for format in FORMATS {
        let all = ArrayD::from_shape_fn(vec![16, 16], |i| (16 * i[0] + i[1]) as u8);
        let mut every_other = all.view();
        every_other.slice_axis_inplace(Axis(1), Slice::new(0, None, 2));
        for codes in [all.view(), all.t(), every_other] {
            let expected: Vec<u32> =
                codes.iter().map(|&code| to_f32(format, code).to_bits()).collect();
            assert_eq!(bits(&format.widen(codes)), expected, "{format:?}");
        }
        let x = random::normal::<f32>(&[7, 9_001], 3, 4).mapv(|x| x * 100.0);
        let expected: Vec<u8> = x.t().iter().map(|&x| from_f32(format, x)).collect();
        assert!(format.narrow(x.t()).iter().eq(&expected), "{format:?}");
    }
}

#[test]
fn products_are_those_of_the_numbers() {
    for (i, formats) in FORMATS.iter().flat_map(|&a| FORMATS.map(|b| [a, b])).enumerate() {
        for [m, k, n] in [[1, 1, 1], [3, 0, 2], [5, 33, 7], [17, 300, 40]] {
            let a = codes(formats[0], &[2, m, k], 2 * i as u64);
            let b = codes(formats[1], &[k, n], 2 * i as u64 + 1);
            let product = matmul_fp8(a.view(), b.view(), formats);
            assert_eq!(product.shape(), [2, m, n]);
            let numbers = |x: ArrayView1<'_, u8>, format| -> Vec<f64> {
                x.iter().map(|&code| f64::from(to_f32(format, code))).collect()
            };
            let rows = a.view().into_dimensionality::<Ix3>().expect("three axes");
            let columns = b.view().into_dimensionality::<Ix2>().expect("two axes");
            let expected = Array3::from_shape_fn((2, m, n), |(s, r, c)| {
                let row = numbers(rows.slice(s![s, r, ..]), formats[0]);
                let column = numbers(columns.column(c), formats[1]);
                let terms: Vec<f64> = row.iter().zip(&column).map(|(x, y)| x * y).collect();
                (terms.iter().sum::<f64>(), terms.iter().map(|x| x.abs()).sum::<f64>())
            });
            for (found, (sum, magnitude)) in product.iter().zip(&expected) {
                // Products are exact (4 bits by 4 bits, far from subnormal); each of at most K + 1
                // additions in f32 rounds by 2^-24 of a partial sum, none of which exceeds the magnitude.
                let bound = (k + 1) as f64 * 2.0_f64.powi(-24) * magnitude;
                assert!((f64::from(*found) - sum).abs() <= bound, "{formats:?} {found} {sum}");
            }
            // The same numbers as bf16 have the same bits.
            let [a, b] = [(a, formats[0]), (b, formats[1])]
                .map(|(codes, format)| HalfFormat::Bf16.narrow(format.widen(codes.view()).view()));
            let of_bf16 = matmul_half(a.view(), b.view(), HalfFormat::Bf16);
            assert_eq!(bits(&product), bits(&of_bf16), "{formats:?} {m} {k} {n}");
        }
    }
}

#[test]
fn attention_is_that_of_the_numbers() {
    let (q_shape, k_shape) = ([2, 5, 4, 8], [2, 9, 2, 8]);
    let numbers = |shape: &[usize], stream| random::normal::<f32>(shape, 8, stream);
    let [q, k, v] = [numbers(&q_shape, 1), numbers(&k_shape, 2), numbers(&k_shape, 3)];
    for causal in [false, true] {
        for format in FORMATS {
            let [q, k, v] = [&q, &k, &v].map(|x| format.narrow(x.view()));
            let found = attention_fp8(q.view(), k.view(), v.view(), format, 0.3, causal);
            let [q, k, v] = [q, k, v].map(|codes| codes.mapv(|code| to_f32(format, code)));
            let expected = attention(q.view(), k.view(), v.view(), 0.3, causal);
            assert_eq!(bits(&found), bits(&expected), "{format:?}");
        }
        let [q, k, v] = [&q, &k, &v].map(|x| HalfFormat::F16.narrow(x.view()));
        let found = attention_half(q.view(), k.view(), v.view(), HalfFormat::F16, 0.3, causal);
        let [q, k, v] = [q, k, v].map(|codes| codes.mapv(fpbits::f16_to_f32));
        assert_eq!(bits(&found), bits(&attention(q.view(), k.view(), v.view(), 0.3, causal)));
    }
}
