//! Q2_K: super-blocks of 256 two-bit integers in 16 groups; 2.625 bits a weight.
//!
//! ```text
//! byte 0    scales  16 bytes, one a group of 16: scale in the low half, minimum in the high half
//! byte 16   qs      64 bytes: elements 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 80   d       f16
//! byte 82   dmin    f16
//!           x = d * scale * q - dmin * minimum
//! ```

use super::format::{Format, f16_at, put_f16};
use super::least_squares::Affine;
use super::panel::{
    Chunk, Lanes, MinimumHalves, Packed, Rolled, Sink, each_group, each_group_of_both,
};
use super::sub_scales::Four;
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format =
    Format::packed::<Tiled>(dequantize, Some(quantize)).weighted(quantize_weighted);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q2_K,
        fields: &[field(80, 2, 2), field(82, 2, 2), field(0, 16, 1), field(16, 64, 4)],
    };
    type Scheme = MinimumHalves;
    const SIDE_BY_SIDE: usize = 2;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        let d = chunk.f16(lanes, 0, 0);
        let dmin = lanes.times(chunk.f16(lanes, 2, 0), lanes.splat(-1.0));
        let scales = [
            half_bytes(lanes, chunk, 0, 0),
            half_bytes(lanes, chunk, 1, 0),
            half_bytes(lanes, chunk, 2, 0),
            half_bytes(lanes, chunk, 3, 0),
        ];
        let minimums = [
            half_bytes(lanes, chunk, 0, 4),
            half_bytes(lanes, chunk, 1, 4),
            half_bytes(lanes, chunk, 2, 4),
            half_bytes(lanes, chunk, 3, 4),
        ];
        for half in Rolled::<2>::new() {
            each_group!(pair in 0, 1 => {
                let (first, second) = (4 * half + 2 * pair, 4 * half + 2 * pair + 1);
                sink.begin(lanes, first);
                each_group_of_both!(S, group => {
                    let line = chunk.line(lanes, 20, 64, 0, 8 * half + group);
                    sink.set(lanes, first, group, lanes.bits(line, 4 * pair as u32, 3));
                    sink.set(lanes, second, group, lanes.bits(line, 4 * pair as u32 + 2, 3));
                });
                for block in [first, second] {
                    for part in 0..2 {
                        let index = block % 2 * 2 + part;
                        let scale = scales[first / 2].floats(lanes, index);
                        let minimum = minimums[first / 2].floats(lanes, index);
                        sink.set_scale(lanes, block, part, lanes.times(d, scale));
                        sink.set_min(lanes, block, part, lanes.times(dmin, minimum));
                    }
                    sink.end(lanes, block);
                }
            });
        }
    }
}

/// Four bits each, from bit `shift` on, of the bytes of groups `4 quarter ..`.
#[inline(always)]
fn half_bytes<L: Lanes>(lanes: L, chunk: &Chunk<'_>, quarter: usize, shift: u32) -> Four {
    Four::new(lanes, lanes.bits(chunk.line(lanes, 4, 16, 0, quarter), shift, 15))
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (scales, qs) = (&block[..16], &block[16..80]);
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (i, out) in out.iter_mut().enumerate() {
        let scale = scales[i / 16];
        let q = qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        *out = d * f32::from(scale & 15) * f32::from(q) - dmin * f32::from(scale >> 4);
    }
}

/// By least squares, see [`Affine`].
fn quantize(x: &[f32], block: &mut [u8]) {
    quantize_weighted(x, &[1.0; 256], block);
}

fn quantize_weighted(x: &[f32], weights: &[f32], block: &mut [u8]) {
    let fit = Affine::<16>::new(x, weights, 3, 15);
    for (group, byte) in block[..16].iter_mut().enumerate() {
        *byte = fit.scales[group] | fit.minimums[group] << 4;
    }
    for (i, byte) in block[16..80].iter_mut().enumerate() {
        let element = |part: usize| fit.q[i / 32 * 128 + part * 32 + i % 32];
        *byte = element(0) | element(1) << 2 | element(2) << 4 | element(3) << 6;
    }
    put_f16(block, 80, fit.d);
    put_f16(block, 82, fit.dmin);
}
