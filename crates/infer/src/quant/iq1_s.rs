//! IQ1_S: super-blocks of 256 in groups of 32, eight numbers at a time from a list of 2048 points;
//! 1.5625 bits a weight.
//!
//! ```text
//! byte 0    d   f16
//! byte 2    qs  32 bytes: low eight bits of the indices
//! byte 34   qh  8 x u16: four times three upper bits of index, three bits of scale, a bit of shift
//!           x = d (2 scale + 1) (level + shift), levels -1, 0 and 1, shift 1/8 or -1/8
//! ```

use super::format::{Format, f16_at};
use super::grids::{self, two_bits};
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// What is added to the levels.
pub(super) const SHIFT: f32 = 0.125;

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ1_S;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 0);
        let (qs, qh) = block[2..].split_at(32);
        for (part, out) in out.chunks_exact_mut(8).enumerate() {
            let group = part / 4;
            let high = u16::from_le_bytes([qh[2 * group], qh[2 * group + 1]]);
            let scale = d * f32::from(2 * (high >> 12 & 7) + 1);
            let shift = if high >> 15 == 0 { SHIFT } else { -SHIFT };
            let index = usize::from(qs[part]) | usize::from(high >> (part % 4 * 3) & 7) << 8;
            for (i, out) in out.iter_mut().enumerate() {
                *out = scale * (two_bits(grids::IQ1[index], i) as f32 - 1.0 + shift);
            }
        }
    }
}
