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
use super::panel::{Chunk, Lanes, Minimum, Packed, Rolled, Sink, each_group_of_both};
use super::sub_scales::Four;
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
    type Scheme = Minimum<15>;
    const SIDE_BY_SIDE: usize = 2;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        let d = chunk.f16(lanes, 0, 0);
        let dmin = lanes.times(chunk.f16(lanes, 2, 0), lanes.splat(-1.0));
        let six_bits = SixBits::new(lanes, chunk, 4);
        for pair in Rolled::<4>::new() {
            let (first, second) = (2 * pair, 2 * pair + 1);
            sink.begin(lanes, first);
            each_group_of_both!(S, group => {
                let line = chunk.line(lanes, 16, 128, 0, 8 * pair + group);
                sink.set(lanes, first, group, lanes.bits(line, 0, 15));
                sink.set(lanes, second, group, lanes.bits(line, 4, 15));
            });
            six_bits.end(lanes, first, d, dmin, sink);
            six_bits.end(lanes, second, d, dmin, sink);
        }
    }
}

/// The scales and minimums of the 8 groups of 16 rows, see [`scales_and_minimums`].
pub(super) struct SixBits {
    scales: [Four; 2],
    minimums: [Four; 2],
}

impl SixBits {
    /// Out of the field of 12 bytes at byte `field`: a byte of four groups at a time is a register's
    /// worth.
    #[inline(always)]
    pub(super) fn new<L: Lanes>(lanes: L, chunk: &Chunk<'_>, field: usize) -> Self {
        let scale = chunk.line(lanes, field, 12, 0, 0);
        let minimum = chunk.line(lanes, field, 12, 0, 1);
        let both = chunk.line(lanes, field, 12, 0, 2);
        let upper = [lanes.turn(scale, -2, 0x30), lanes.turn(minimum, -2, 0x30)];
        SixBits {
            scales: [
                Four::new(lanes, lanes.bits(scale, 0, 63)),
                Four::new(lanes, lanes.or(lanes.bits(both, 0, 15), upper[0])),
            ],
            minimums: [
                Four::new(lanes, lanes.bits(minimum, 0, 63)),
                Four::new(lanes, lanes.or(lanes.bits(both, 4, 15), upper[1])),
            ],
        }
    }

    /// Ends a block with its scales, times `d`, and minimums, times `dmin`.
    #[inline(always)]
    pub(super) fn end<L: Lanes>(
        &self,
        lanes: L,
        block: usize,
        d: L::Floats,
        dmin: L::Floats,
        sink: &mut impl Sink<L>,
    ) {
        let scale = self.scales[block / 4].floats(lanes, block % 4);
        let minimum = self.minimums[block / 4].floats(lanes, block % 4);
        sink.set_scale(lanes, block, 0, lanes.times(d, scale));
        sink.set_min(lanes, block, 0, lanes.times(dmin, minimum));
        sink.end(lanes, block);
    }
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
