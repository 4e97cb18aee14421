//! IQ3_XXS: super-blocks of 256 in groups of 32, four numbers at a time from a list of 256 points;
//! 3.0625 bits a weight.
//!
//! ```text
//! byte 0    d       f16
//! byte 2    qs      64 indices
//! byte 66   scales  8 x u32: four times seven bits of signs and, at the top, four bits of scale
//!           x = d (0.5 + scale) / 2 * level, levels 4, 12, 20, 28, 36, 44, 52 and 62
//! ```

use super::format::{Format, f16_at};
use super::grids::{self, even_signs, signed, three_bits};
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

const LEVELS: [f32; 8] = [4.0, 12.0, 20.0, 28.0, 36.0, 44.0, 52.0, 62.0];

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ3_XXS;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 0);
        let (qs, scales) = block[2..].split_at(64);
        for (group, out) in out.chunks_exact_mut(32).enumerate() {
            let bits = scales[4 * group..][..4].try_into().expect("four bytes");
            let bits = u32::from_le_bytes(bits);
            let scale = d * (0.5 + (bits >> 28) as f32) * 0.5;
            for (i, out) in out.iter_mut().enumerate() {
                let signs = even_signs(bits >> (7 * (i / 8)));
                let point = grids::IQ3_XXS[usize::from(qs[8 * group + i / 4])];
                *out = signed(scale * LEVELS[three_bits(point, i % 4)], signs, i % 8);
            }
        }
    }
}
