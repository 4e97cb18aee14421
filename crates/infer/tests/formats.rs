//! Every weight format against golden blocks made by the reference implementations.

use std::path::PathBuf;

use ulp_infer::{Bytes, Matrix, TensorType, quantize};
use ulp_nn::SafeTensors;

/// The formats this crate computes with.
const COMPUTABLE: [TensorType; 12] = [
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
];

fn golden(ty: TensorType) -> Option<Vec<u8>> {
    let folder = std::env::var_os("ULP_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(format!("gguf-quants/{ty}.safetensors"));
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    bytes
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
            assert_eq!(differences(&dequantize(ty, blocks.data()), &values), 0, "{ty} {values:?}");
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
