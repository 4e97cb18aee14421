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
use super::panel::{Chunk, Lanes, Minimum, Packed, Panel, Row16, bits, minus_times, times};
use super::tensor_type::TensorType;
use super::tile::{Layout, TILE, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, None);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q4_K,
        fields: &[field(0, 2, 2), field(2, 2, 2), field(4, 12, 1), field(16, 128, 4)],
    };
    type Scheme = Minimum;

    #[inline(always)]
    fn unpack<L: Lanes>(lanes: L, chunk: &Chunk<'_>, panel: &mut Panel) {
        let (d, dmin) = (chunk.f16(lanes, 0, 0), chunk.f16(lanes, 2, 0));
        for block in 0..8 {
            let (scale, minimum) = six_bits(chunk, 4, block);
            panel.scale[block][0] = times(d, scale);
            panel.min[block][0] = minus_times(dmin, minimum);
            for group in 0..8 {
                let line = chunk.line(16, 128, 0, block / 2 * 8 + group);
                panel.q[block][group] = bits(line, (block % 2 * 4) as u32, 15);
            }
        }
    }
}

/// Scale and minimum of group `g` of 16 rows, out of the field of 12 bytes at byte `field`: see
/// [`scales_and_minimums`].
#[inline(always)]
pub(super) fn six_bits(chunk: &Chunk<'_>, field: usize, g: usize) -> (Row16, Row16) {
    let bytes = |index| chunk.bytes(field, 12, 0, index);
    let (scale, minimum): ([u8; TILE], [u8; TILE]) = if g < 4 {
        (bytes(g).map(|b| b & 63), bytes(g + 4).map(|b| b & 63))
    } else {
        let (low, scale, minimum) = (bytes(g + 4), bytes(g - 4), bytes(g));
        (
            std::array::from_fn(|row| low[row] & 15 | scale[row] >> 6 << 4),
            std::array::from_fn(|row| low[row] >> 4 | minimum[row] >> 6 << 4),
        )
    };
    (scale.map(f32::from), minimum.map(f32::from))
}

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
