//! IQ2_XXS: super-blocks of 256 in groups of 32, eight numbers at a time from a list of 256 points;
//! 2.0625 bits a weight.
//!
//! ```text
//! byte 0   d   f16
//! byte 2   qs  8 groups of 8 bytes: four indices, one byte each; then a u32 with four times seven
//!              bits of signs and, at the top, four bits of scale
//!          x = d (0.5 + scale) / 4 * level, levels 8, 25 and 43
//! ```

use super::format::{Format, f16_at};
use super::grids::{self, even_signs, signed, two_bits};
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// The levels of the two-bit grids.
pub(super) const LEVELS: [f32; 3] = [8.0, 25.0, 43.0];

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::IQ2_XXS;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 0);
        for (group, out) in block[2..].chunks_exact(8).zip(out.chunks_exact_mut(32)) {
            let (indices, signs) = group.split_at(4);
            let signs = u32::from_le_bytes(signs.try_into().expect("four bytes"));
            let scale = d * (0.5 + (signs >> 28) as f32) * 0.25;
            for (part, out) in out.chunks_exact_mut(8).enumerate() {
                let point = grids::IQ2_XXS[usize::from(indices[part])];
                let signs = even_signs(signs >> (7 * part));
                for (i, out) in out.iter_mut().enumerate() {
                    *out = signed(scale * LEVELS[two_bits(point, i)], signs, i);
                }
            }
        }
    }
}
