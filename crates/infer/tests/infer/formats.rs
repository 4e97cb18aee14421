//! Every weight format against golden blocks made by the reference implementations.

use ulp_infer::{Bytes, Matrix, TensorType, quantize};
use ulp_nn::SafeTensors;

use crate::test_models::reference_data;

/// The formats this crate computes with.
const COMPUTABLE: [TensorType; 25] = [
    TensorType::F16,
    TensorType::BF16,
    TensorType::Q8_0,
    TensorType::Q4_0,
    TensorType::Q4_1,
    TensorType::Q5_0,
    TensorType::Q5_1,
    TensorType::Q2_K,
    TensorType::Q3_K,
    TensorType::Q4_K,
    TensorType::Q5_K,
    TensorType::Q6_K,
    TensorType::IQ4_NL,
    TensorType::IQ4_XS,
    TensorType::MXFP4,
    TensorType::NVFP4,
    TensorType::TQ2_0,
    TensorType::TQ1_0,
    TensorType::IQ1_S,
    TensorType::IQ1_M,
    TensorType::IQ2_XXS,
    TensorType::IQ2_XS,
    TensorType::IQ2_S,
    TensorType::IQ3_XXS,
    TensorType::IQ3_S,
];

fn golden(ty: TensorType) -> Option<Vec<u8>> {
    let path = reference_data(&format!("gguf-quants/{ty}.safetensors"))?;
    Some(std::fs::read(path).expect("a readable file"))
}

fn f32s(file: &SafeTensors<'_>, name: &str) -> Option<Vec<f32>> {
    Some(file.tensor(name)?.to_f32().unwrap().into_iter().collect())
}

/// Where the values differ: in their bits, any NaN counting as any other.
fn differences(ours: &[f32], reference: &[f32]) -> usize {
    assert_eq!(ours.len(), reference.len());
    let same = |a: &f32, b: &f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    ours.iter().zip(reference).filter(|(a, b)| !same(a, b)).count()
}

fn dequantize(ty: TensorType, blocks: &[u8]) -> Vec<f32> {
    let rows = blocks.len() / ty.bytes_of(512).unwrap();
    let matrix = Matrix::new(rows, 512, ty, Bytes::from(blocks.to_vec())).unwrap();
    (0..rows).flat_map(|row| matrix.row(row)).collect()
}

/// What a number of a file is as a weight: in BF16, 0 if it is below 2^-56.
fn weight(ty: TensorType, x: f32) -> f32 {
    if ty == TensorType::BF16 && x.abs() < 2.0f32.powi(-56) { 0.0 } else { x }
}

#[test]
fn dequantized_values_equal_the_reference_bit_for_bit() {
    for ty in COMPUTABLE {
        let Some(bytes) = golden(ty) else { return };
        let file = SafeTensors::parse(&bytes, ty.name()).unwrap();
        let pairs = [("q", "y"), ("raw", "raw_y"), ("ggml_q", "ggml_y"), ("raw", "ggml_raw_y")];
        let mut compared = 0;
        for (blocks, values) in pairs {
            let (Some(blocks), Some(values)) = (file.tensor(blocks), f32s(&file, values)) else {
                continue;
            };
            let numbers = ulp_infer::dequantize(ty, blocks.data()).unwrap();
            assert_eq!(differences(&numbers, &values), 0, "{ty} {values:?}");
            let weights = values.iter().map(|x| weight(ty, *x)).collect::<Vec<f32>>();
            let rows = dequantize(ty, blocks.data());
            assert_eq!(differences(&rows, &weights), 0, "{ty} {weights:?}");
            compared += 1;
        }
        assert!(compared > 0, "{ty}: nothing to compare");
    }
}

/// The formats whose quantizer has one right answer.
const SIMPLE: [TensorType; 7] = [
    TensorType::F16,
    TensorType::BF16,
    TensorType::Q8_0,
    TensorType::Q4_0,
    TensorType::Q4_1,
    TensorType::Q5_0,
    TensorType::Q5_1,
];

#[test]
fn quantized_bytes_equal_the_reference() {
    for ty in SIMPLE {
        let Some(bytes) = golden(ty) else { return };
        let file = SafeTensors::parse(&bytes, ty.name()).unwrap();
        let x = f32s(&file, "x").unwrap();
        let reference = file.tensor("q").unwrap();
        assert_eq!(quantize(ty, &x).unwrap(), reference.data(), "{ty}");
    }
}

/// The formats whose quantizer searches.
const SEARCHED: [TensorType; 5] =
    [TensorType::Q2_K, TensorType::Q3_K, TensorType::Q4_K, TensorType::Q5_K, TensorType::Q6_K];

fn error(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
}

#[test]
fn quantizers_that_search_are_no_worse_than_the_reference() {
    for ty in SEARCHED {
        let Some(bytes) = golden(ty) else { return };
        let file = SafeTensors::parse(&bytes, ty.name()).unwrap();
        let x = f32s(&file, "x").unwrap();
        let ours = error(&x, &dequantize(ty, &quantize(ty, &x).unwrap()));
        for name in ["y", "ggml_y"] {
            if let Some(y) = f32s(&file, name) {
                let reference = error(&x, &y);
                eprintln!("{ty}: squared error {ours:.6}, the reference's {name} {reference:.6}");
                assert!(ours <= reference, "{ty}: {ours} {reference}");
            }
        }
    }
}

/// Rows that are hard to scale: nothing, one number alone, one sign, many magnitudes, no number.
#[test]
fn odd_blocks_are_quantized_without_harm() {
    let n = 256;
    let rows: [Vec<f32>; 8] = [
        vec![0.0; n],
        (0..n).map(|i| if i == 77 { 3.0 } else { 0.0 }).collect(),
        vec![-2.5; n],
        (0..n).map(|i| 1.0 + i as f32).collect(),
        (0..n).map(|i| -1.0 - i as f32).collect(),
        (0..n).map(|i| (1.3f32).powi(i as i32 % 60 - 30)).collect(),
        vec![1e-30; n],
        (0..n).map(|i| if i == 5 { f32::NAN } else { 1.0 }).collect(),
    ];
    for ty in SIMPLE.into_iter().chain(SEARCHED) {
        for (i, row) in rows.iter().enumerate().take(7) {
            let y = dequantize(ty, &quantize(ty, &row.repeat(2)).unwrap());
            assert!(y.iter().all(|y| y.is_finite()), "{ty}, row {i}");
            // Two bits and four-bit scales are the coarsest.
            let (error, size) = (error(row, &y[..n]), error(row, &vec![0.0; n]));
            assert!(error <= 0.1 * size + 1e-12, "{ty}, row {i}: {error} of {size}");
        }
        quantize(ty, &rows[7]).unwrap();
    }
}
