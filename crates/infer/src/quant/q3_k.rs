//! Q3_K: super-blocks of 256 three-bit integers in 16 groups; 3.4375 bits a weight.
//!
//! ```text
//! byte 0     hmask   32 bytes: element 32 s + i has its third bit in bit s of byte i
//! byte 32    qs      64 bytes: low two bits, element 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 96    scales  12 bytes: 16 six-bit integers, group g's low four bits in half g / 8 of byte
//!                    g % 8, its upper two in bits 2 (g / 4) of byte 8 + g % 4
//! byte 108   d       f16
//!            x = d * (scale - 32) * (q - 4)
//! ```

use super::format::{Format, f16_at};
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format { ty: TensorType::Q3_K, dequantize, quantize: None };

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (hmask, qs, d) = (&block[..32], &block[32..96], f16_at(block, 108));
    let scales = scales(&block[96..108]);
    for (i, out) in out.iter_mut().enumerate() {
        let low = qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        let high = hmask[i % 32] >> (i / 32) & 1;
        *out = d * f32::from(scales[i / 16]) * (f32::from(low | high << 2) - 4.0);
    }
}

/// The 16 scales of a super-block, with 32 taken off.
pub(super) fn scales(packed: &[u8]) -> [i8; 16] {
    std::array::from_fn(|g| {
        let low = packed[g % 8] >> (g / 8 * 4) & 15;
        let high = packed[8 + g % 4] >> (g / 4 * 2) & 3;
        (low | high << 4) as i8 - 32
    })
}
