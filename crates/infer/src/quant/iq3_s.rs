//! IQ3_S: super-blocks of 256 in groups of 32, four numbers at a time from a list of 512 points;
//! 3.4375 bits a weight.
//!
//! ```text
//! byte 0     d       f16
//! byte 2     qs      64 bytes: low eight bits of the indices
//! byte 66    qh      8 bytes: the ninth bits
//! byte 74    signs   32 bytes, a bit a number
//! byte 106   scales  4 bytes: group 2 i in the low half of byte i, group 2 i + 1 in its high half
//!            x = d (1 + 2 scale) * level, levels 1, 3, ... 15
//! ```

use super::format::{Format, f16_at};
use super::grids::{self, signed, three_bits};
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ3_S;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 0);
        let (qs, qh, signs) = (&block[2..66], &block[66..74], &block[74..106]);
        let scales = &block[106..110];
        for (group, out) in out.chunks_exact_mut(32).enumerate() {
            let scale = scales[group / 2] >> (group % 2 * 4) & 15;
            let scale = d * f32::from(1 + 2 * scale);
            for (i, out) in out.iter_mut().enumerate() {
                let high = qh[group] >> (i / 4) & 1;
                let index = usize::from(qs[8 * group + i / 4]) | usize::from(high) << 8;
                let level = 2 * three_bits(grids::IQ3_S[index], i % 4) + 1;
                *out = signed(scale * level as f32, signs[4 * group + i / 8], i % 8);
            }
        }
    }
}
