//! Q5_K: super-blocks of 256 five-bit integers in 8 groups of 32; 5.5 bits a weight.
//!
//! ```text
//! byte 0    d       f16
//! byte 2    dmin    f16
//! byte 4    scales  12 bytes, as in Q4_K
//! byte 16   qh      32 bytes: the fifth bit of element 32 g + i in bit g of byte i
//! byte 48   qs      128 bytes: low four bits, as in Q4_K
//!           x = d * scale * q - dmin * minimum
//! ```

use super::format::{Format, f16_at, put_f16};
use super::least_squares::Affine;
use super::panel::{Chunk, Lanes, Minimum, Packed, Rolled, Sink, each_group_of_both};
use super::q4_k::{SixBits, put_scales_and_minimums, scales_and_minimums};
use super::tensor_type::TensorType;
use super::tile::{Layout, TILE, field};

pub(crate) const FORMAT: Format =
    Format::packed::<Tiled>(dequantize, Some(quantize)).weighted(quantize_weighted);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q5_K,
        fields: &[
            field(0, 2, 2),
            field(2, 2, 2),
            field(4, 12, 1),
            field(16, 32, 4),
            field(48, 128, 4),
        ],
    };
    type Scheme = Minimum;
    const SIDE_BY_SIDE: usize = 2;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        let d = chunk.f16(lanes, 0, 0);
        let dmin = lanes.times(chunk.f16(lanes, 2, 0), lanes.splat(-1.0));
        let six_bits = SixBits::new(lanes, chunk, 4);
        chunk.ask::<L, { 32 * TILE }>(lanes, 16);
        for pair in Rolled::<4>::new() {
            let (first, second) = (2 * pair, 2 * pair + 1);
            sink.begin(lanes, first);
            each_group_of_both!(S, group => {
                let fifth = chunk.line(lanes, 16, 32, 0, group);
                let line = chunk.line(lanes, 48, 128, 0, 8 * pair + group);
                let high = lanes.turn(fifth, 4 - first as i32, 16);
                sink.set(lanes, first, group, lanes.or(lanes.bits(line, 0, 15), high));
                let high = lanes.turn(fifth, 4 - second as i32, 16);
                sink.set(lanes, second, group, lanes.or(lanes.bits(line, 4, 15), high));
            });
            six_bits.end(lanes, first, d, dmin, sink);
            six_bits.end(lanes, second, d, dmin, sink);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    let (scales, minimums) = scales_and_minimums(&block[4..16]);
    let qh = &block[16..48];
    for (group, out) in out.chunks_exact_mut(32).enumerate() {
        let scale = d * f32::from(scales[group]);
        let minimum = dmin * f32::from(minimums[group]);
        let qs = &block[48 + group / 2 * 32..][..32];
        for ((out, low), high) in out.iter_mut().zip(qs).zip(qh) {
            let q = low >> (group % 2 * 4) & 15 | (high >> group & 1) << 4;
            *out = scale * f32::from(q) - minimum;
        }
    }
}

/// By least squares, see [`Affine`].
fn quantize(x: &[f32], block: &mut [u8]) {
    quantize_weighted(x, &[1.0; 256], block);
}

fn quantize_weighted(x: &[f32], weights: &[f32], block: &mut [u8]) {
    let fit = Affine::<8>::new(x, weights, 31, 63);
    block.fill(0);
    put_f16(block, 0, fit.d);
    put_f16(block, 2, fit.dmin);
    put_scales_and_minimums(&fit.scales, &fit.minimums, &mut block[4..16]);
    for (i, q) in fit.q.iter().enumerate() {
        let (group, i) = (i / 32, i % 32);
        block[16 + i] |= (q >> 4) << group;
        block[48 + group / 2 * 32 + i] |= (q & 15) << (group % 2 * 4);
    }
}
