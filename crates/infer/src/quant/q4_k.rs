//! Q4_K: super-blocks of 256 four-bit integers in 8 groups of 32; 4.5 bits a weight.
//!
//! ```text
//! byte 0    d       f16
//! byte 2    dmin    f16
//! byte 4    scales  12 bytes: 8 six-bit scales and 8 six-bit minimums, see `scales_and_minimums`
//! byte 16   qs      128 bytes: groups 2 n and 2 n + 1 in the low and high halves of bytes
//!                   32 n .. 32 n + 32
//!           x = d * scale * q - dmin * minimum
//! ```

use super::format::{Format, f16_at};
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format { ty: TensorType::Q4_K, dequantize, quantize: None };

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    let (scales, minimums) = scales_and_minimums(&block[4..16]);
    for (group, out) in out.chunks_exact_mut(32).enumerate() {
        let scale = d * f32::from(scales[group]);
        let minimum = dmin * f32::from(minimums[group]);
        let qs = &block[16 + group / 2 * 32..][..32];
        for (out, q) in out.iter_mut().zip(qs) {
            *out = scale * f32::from(q >> (group % 2 * 4) & 15) - minimum;
        }
    }
}

/// The 8 scales and 8 minimums of a super-block, six bits each, out of 12 bytes.
///
/// Groups 0 to 3 have theirs in the low six bits of bytes 0 to 3 (scales) and 4 to 7 (minimums).
/// Groups 4 to 7 have their low four bits in bytes 8 to 11 (scales in the low halves, minimums in
/// the high halves) and their upper two in the upper two of bytes 0 to 3 and 4 to 7.
pub(super) fn scales_and_minimums(packed: &[u8]) -> ([u8; 8], [u8; 8]) {
    let scales = std::array::from_fn(|g| match g {
        0..4 => packed[g] & 63,
        _ => packed[g + 4] & 15 | packed[g - 4] >> 6 << 4,
    });
    let minimums = std::array::from_fn(|g| match g {
        0..4 => packed[g + 4] & 63,
        _ => packed[g + 4] >> 4 | packed[g] >> 6 << 4,
    });
    (scales, minimums)
}
