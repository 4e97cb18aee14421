//! IQ2_XS: super-blocks of 256 in groups of 16, eight numbers at a time from a list of 512 points;
//! 2.3125 bits a weight.
//!
//! ```text
//! byte 0    d       f16
//! byte 2    qs      32 x u16: nine bits of index, seven bits of signs
//! byte 66   scales  8 bytes: group 2 i in the low half of byte i, group 2 i + 1 in its high half
//!           x = d (0.5 + scale) / 4 * level, levels 8, 25 and 43
//! ```

use super::format::{Format, f16_at};
use super::grids::{self, even_signs, signed, two_bits};
use super::iq2_xxs::LEVELS;
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ2_XS;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 0);
        let (qs, scales) = block[2..].split_at(64);
        for (part, (q, out)) in qs.chunks_exact(2).zip(out.chunks_exact_mut(8)).enumerate() {
            let q = u16::from_le_bytes([q[0], q[1]]);
            let scale = scales[part / 4] >> (part / 2 % 2 * 4) & 15;
            let scale = d * (0.5 + f32::from(scale)) * 0.25;
            let point = grids::IQ2_XS[usize::from(q & 511)];
            let signs = even_signs(u32::from(q >> 9));
            for (i, out) in out.iter_mut().enumerate() {
                *out = signed(scale * LEVELS[two_bits(point, i)], signs, i);
            }
        }
    }
}
