//! Q5_K: super-blocks of 256 five-bit integers in 8 groups of 32; 5.5 bits a weight.
//!
//! ```text
//! byte 0    d       f16
//! byte 2    dmin    f16
//! byte 4    scales  12 bytes, as in Q4_K
//! byte 16   qh      32 bytes: the fifth bit of element 32 g + i in bit g of byte i
//! byte 48   qs      128 bytes: low four bits, as in Q4_K
//!           x = d * scale * q - dmin * minimum
//! ```

use super::format::{Format, f16_at};
use super::q4_k::scales_and_minimums;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format { ty: TensorType::Q5_K, dequantize, quantize: None };

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    let (scales, minimums) = scales_and_minimums(&block[4..16]);
    let qh = &block[16..48];
    for (group, out) in out.chunks_exact_mut(32).enumerate() {
        let scale = d * f32::from(scales[group]);
        let minimum = dmin * f32::from(minimums[group]);
        let qs = &block[48 + group / 2 * 32..][..32];
        for ((out, low), high) in out.iter_mut().zip(qs).zip(qh) {
            let q = low >> (group % 2 * 4) & 15 | (high >> group & 1) << 4;
            *out = scale * f32::from(q) - minimum;
        }
    }
}
