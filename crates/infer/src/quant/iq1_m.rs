//! IQ1_M: super-blocks of 256 in groups of 16, eight numbers at a time from a list of 2048 points;
//! 1.75 bits a weight.
//!
//! ```text
//! byte 0    qs      32 bytes: low eight bits of the indices
//! byte 32   qh      16 bytes, half a byte for eight numbers: three upper bits of index, then a bit
//!                   of shift
//! byte 48   scales  4 x u16: four times three bits of scale; the top four bits of all four are an
//!                   f16, d, the lowest first
//!           x = d (2 scale + 1) (level + shift), levels -1, 0 and 1, shift 1/8 or -1/8
//! ```

use super::format::Format;
use super::grids::{self, two_bits};
use super::iq1_s::SHIFT;
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ1_M;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let (qs, qh) = (&block[..32], &block[32..48]);
        let scales: [u16; 4] =
            std::array::from_fn(|i| u16::from_le_bytes([block[48 + 2 * i], block[49 + 2 * i]]));
        let d = scales.iter().rev().fold(0, |d, scale| d << 4 | scale >> 12);
        let d = fpbits::f16_to_f32(d);
        for (part, out) in out.chunks_exact_mut(8).enumerate() {
            let scale = scales[part / 8] >> (part / 2 % 4 * 3) & 7;
            let scale = d * f32::from(2 * scale + 1);
            let high = qh[part / 2] >> (part % 2 * 4);
            let shift = if high & 8 == 0 { SHIFT } else { -SHIFT };
            let index = usize::from(qs[part]) | usize::from(high & 7) << 8;
            for (i, out) in out.iter_mut().enumerate() {
                *out = scale * (two_bits(grids::IQ1[index], i) as f32 - 1.0 + shift);
            }
        }
    }
}
