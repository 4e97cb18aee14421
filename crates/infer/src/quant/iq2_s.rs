//! IQ2_S: super-blocks of 256 in groups of 16, eight numbers at a time from a list of 1024 points;
//! 2.5625 bits a weight.
//!
//! ```text
//! byte 0    d       f16
//! byte 2    qs      32 bytes: low eight bits of the indices
//! byte 34   signs   32 bytes, a bit a number
//! byte 66   qh      8 bytes: index 4 i + j has its upper two bits in bits 2 j of byte i
//! byte 74   scales  8 bytes: group 2 i in the low half of byte i, group 2 i + 1 in its high half
//!           x = d (0.5 + scale) / 4 * level, levels 8, 25 and 43
//! ```

use super::format::{Format, f16_at};
use super::grids::{self, signed, two_bits};
use super::iq2_xxs::LEVELS;
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ2_S;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 0);
        let (qs, signs, qh) = (&block[2..34], &block[34..66], &block[66..74]);
        let scales = &block[74..82];
        for (part, out) in out.chunks_exact_mut(8).enumerate() {
            let scale = scales[part / 4] >> (part / 2 % 2 * 4) & 15;
            let scale = d * (0.5 + f32::from(scale)) * 0.25;
            let high = qh[part / 4] >> (part % 4 * 2) & 3;
            let point = grids::IQ2_S[usize::from(qs[part]) | usize::from(high) << 8];
            for (i, out) in out.iter_mut().enumerate() {
                *out = signed(scale * LEVELS[two_bits(point, i)], signs[part], i);
            }
        }
    }
}
