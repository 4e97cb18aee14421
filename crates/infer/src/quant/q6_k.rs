//! Q6_K: super-blocks of 256 six-bit integers in 16 groups of 16; 6.5625 bits a weight.
//!
//! ```text
//! byte 0     ql      128 bytes: low four bits; element 128 n + 64 h + i (i < 64) in half h of byte
//!                    64 n + i
//! byte 128   qh      64 bytes: upper two bits; element 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 192   scales  16 x i8
//! byte 208   d       f16
//!            x = d * scale * (q - 32)
//! ```

use super::format::{Format, f16_at};
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format { ty: TensorType::Q6_K, dequantize, quantize: None };

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (ql, qh, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = f16_at(block, 208);
    for (group, out) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(scales[group] as i8);
        for (i, out) in out.iter_mut().enumerate() {
            *out = scale * (f32::from(six_bits(ql, qh, group * 16 + i)) - 32.0);
        }
    }
}

/// Element `i` of a super-block.
fn six_bits(ql: &[u8], qh: &[u8], i: usize) -> u8 {
    let (half, i) = (i / 128, i % 128);
    let low = ql[half * 64 + i % 64] >> (i / 64 * 4) & 15;
    let high = qh[half * 32 + i % 32] >> (i / 32 * 2) & 3;
    low | high << 4
}
