//! BF16: little-endian bfloat16, the upper half of a binary32.

use super::format::Format;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format =
    Format { ty: TensorType::BF16, dequantize, quantize: Some(quantize) };

fn dequantize(block: &[u8], out: &mut [f32]) {
    out[0] = fpbits::bf16_to_f32(u16::from_le_bytes([block[0], block[1]]));
}

fn quantize(x: &[f32], block: &mut [u8]) {
    block.copy_from_slice(&fpbits::bf16_from_f32(x[0]).to_le_bytes());
}
