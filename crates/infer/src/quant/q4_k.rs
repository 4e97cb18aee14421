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

use super::format::{Format, f16_at, put_f16};
use super::least_squares::Affine;
use super::panel::{Chunk, Lanes, Minimum, Packed, Sink};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format =
    Format::packed::<Tiled>(dequantize, Some(quantize)).weighted(quantize_weighted);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q4_K,
        fields: &[field(0, 2, 2), field(2, 2, 2), field(4, 12, 1), field(16, 128, 4)],
    };
    type Scheme = Minimum;

    #[inline(always)]
    fn unpack<L: Lanes>(lanes: L, chunk: &Chunk<'_>, sink: &mut impl Sink<L>) {
        let d = chunk.f16(lanes, 0, 0);
        let dmin = lanes.times(chunk.f16(lanes, 2, 0), lanes.splat(-1.0));
        for block in 0..8 {
            let (scale, minimum) = six_bits(lanes, chunk, 4, block);
            sink.set_scale(lanes, block, 0, lanes.times(d, scale));
            sink.set_min(lanes, block, 0, lanes.times(dmin, minimum));
            for group in 0..8 {
                let line = chunk.line(lanes, 16, 128, 0, block / 2 * 8 + group);
                sink.set(lanes, block, group, lanes.bits(line, (block % 2 * 4) as u32, 15));
            }
        }
    }
}

/// Scale and minimum of group `g` of 16 rows, out of the field of 12 bytes at byte `field`: see
/// [`scales_and_minimums`].
#[inline(always)]
pub(super) fn six_bits<L: Lanes>(
    lanes: L,
    chunk: &Chunk<'_>,
    field: usize,
    g: usize,
) -> (L::Floats, L::Floats) {
    let (scale, minimum) = if g < 4 {
        let (scale, minimum) =
            (chunk.widened(lanes, field, 12, 0, g), chunk.widened(lanes, field, 12, 0, g + 4));
        (lanes.bits(scale, 0, 63), lanes.bits(minimum, 0, 63))
    } else {
        let low = chunk.widened(lanes, field, 12, 0, g + 4);
        let scale = lanes.bits(chunk.widened(lanes, field, 12, 0, g - 4), 6, 3);
        let minimum = lanes.bits(chunk.widened(lanes, field, 12, 0, g), 6, 3);
        (
            lanes.join(lanes.bits(low, 0, 15), scale, 4),
            lanes.join(lanes.bits(low, 4, 15), minimum, 4),
        )
    };
    (lanes.floats(scale), lanes.floats(minimum))
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

/// The inverse of [`scales_and_minimums`].
pub(super) fn put_scales_and_minimums(scales: &[u8; 8], minimums: &[u8; 8], packed: &mut [u8]) {
    for g in 0..4 {
        packed[g] = scales[g] | scales[g + 4] >> 4 << 6;
        packed[g + 4] = minimums[g] | minimums[g + 4] >> 4 << 6;
        packed[g + 8] = scales[g + 4] & 15 | (minimums[g + 4] & 15) << 4;
    }
}

/// By least squares, see [`Affine`].
fn quantize(x: &[f32], block: &mut [u8]) {
    quantize_weighted(x, &[1.0; 256], block);
}

fn quantize_weighted(x: &[f32], weights: &[f32], block: &mut [u8]) {
    let fit = Affine::<8>::new(x, weights, 15, 63);
    put_f16(block, 0, fit.d);
    put_f16(block, 2, fit.dmin);
    put_scales_and_minimums(&fit.scales, &fit.minimums, &mut block[4..16]);
    for (i, byte) in block[16..].iter_mut().enumerate() {
        let first = i / 32 * 64 + i % 32;
        *byte = fit.q[first] | fit.q[first + 32] << 4;
    }
}
