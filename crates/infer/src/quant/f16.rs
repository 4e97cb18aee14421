//! F16: little-endian IEEE binary16.

use super::format::{Format, f16_at, put_f16};
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format =
    Format { ty: TensorType::F16, dequantize, quantize: Some(quantize) };

fn dequantize(block: &[u8], out: &mut [f32]) {
    out[0] = f16_at(block, 0);
}

fn quantize(x: &[f32], block: &mut [u8]) {
    put_f16(block, 0, x[0]);
}
