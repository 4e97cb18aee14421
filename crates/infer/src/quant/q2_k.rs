//! Q2_K: super-blocks of 256 two-bit integers in 16 groups; 2.625 bits a weight.
//!
//! ```text
//! byte 0    scales  16 bytes, one a group of 16: scale in the low half, minimum in the high half
//! byte 16   qs      64 bytes: elements 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 80   d       f16
//! byte 82   dmin    f16
//!           x = d * scale * q - dmin * minimum
//! ```

use super::format::{Format, f16_at};
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format { ty: TensorType::Q2_K, dequantize, quantize: None };

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (scales, qs) = (&block[..16], &block[16..80]);
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (i, out) in out.iter_mut().enumerate() {
        let scale = scales[i / 16];
        let q = qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        *out = d * f32::from(scale & 15) * f32::from(q) - dmin * f32::from(scale >> 4);
    }
}
