//! F32: plain little-endian binary32.

use super::format::Format;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format =
    Format { ty: TensorType::F32, dequantize, quantize: Some(quantize) };

fn dequantize(block: &[u8], out: &mut [f32]) {
    out[0] = f32::from_le_bytes(block.try_into().expect("four bytes"));
}

fn quantize(x: &[f32], block: &mut [u8]) {
    block.copy_from_slice(&x[0].to_le_bytes());
}
