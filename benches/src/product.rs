//! Operands for products with quantized weights.

use ulp_infer::{Bytes, Matrix, TensorType};

/// Columns: the width of TinyLlama.
pub const COLS: usize = 2048;

/// Every format that is multiplied as it is stored.
pub const FORMATS: [TensorType; 16] = [
    TensorType::Q4_0,
    TensorType::Q4_1,
    TensorType::Q5_0,
    TensorType::Q5_1,
    TensorType::Q8_0,
    TensorType::Q2_K,
    TensorType::Q3_K,
    TensorType::Q4_K,
    TensorType::Q5_K,
    TensorType::Q6_K,
    TensorType::IQ4_NL,
    TensorType::IQ4_XS,
    TensorType::MXFP4,
    TensorType::F16,
    TensorType::BF16,
    TensorType::F32,
];

/// `rows` by [`COLS`] weights. Any bytes are weights, but those of MXFP4 have scales about 1: products that are
/// subnormal take a processor longer.
///
/// # Panics
///
/// If there is no kernel for the format.
#[must_use]
pub fn weights(ty: TensorType, rows: usize) -> Matrix {
    let bytes = ty.bytes_of(rows * COLS).expect("whole blocks");
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 24) as u8 & 0x3f
    };
    let mut bytes: Vec<u8> = (0..bytes).map(|_| byte()).collect();
    if ty == TensorType::MXFP4 {
        for block in bytes.chunks_exact_mut(ty.block_bytes()) {
            block[0] = 120 + block[0] % 8;
        }
    }
    Matrix::new(rows, COLS, ty, Bytes::from(bytes)).expect("a kernel for the format")
}

/// `batch` rows of [`COLS`] activations.
#[must_use]
pub fn activations(batch: usize) -> Vec<f32> {
    (0..batch * COLS).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 500.0).collect()
}
