//! Q3_K: super-blocks of 256 three-bit integers in 16 groups; 3.4375 bits a weight.
//!
//! ```text
//! byte 0     hmask   32 bytes: element 32 s + i has its third bit in bit s of byte i
//! byte 32    qs      64 bytes: low two bits, element 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 96    scales  12 bytes: 16 six-bit integers, group g's low four bits in half g / 8 of byte
//!                    g % 8, its upper two in bits 2 (g / 4) of byte 8 + g % 4
//! byte 108   d       f16
//!            x = d * (scale - 32) * (q - 4)
//! ```

use super::format::{Format, f16_at, put_f16};
use super::least_squares::Symmetric;
use super::panel::{
    Chunk, Lanes, Packed, Rolled, SignedHalves, Sink, each_group, each_group_of_both,
};
use super::sub_scales::Four;
use super::tensor_type::TensorType;
use super::tile::{Layout, TILE, field};

pub(crate) const FORMAT: Format =
    Format::packed::<Tiled>(dequantize, Some(quantize)).weighted(quantize_weighted);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q3_K,
        fields: &[field(108, 2, 2), field(96, 12, 1), field(0, 32, 4), field(32, 64, 4)],
    };
    type Scheme = SignedHalves<4>;
    const SIDE_BY_SIDE: usize = 2;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        let d = chunk.f16(lanes, 0, 0);
        let scales = [
            four_scales(lanes, chunk, 0),
            four_scales(lanes, chunk, 1),
            four_scales(lanes, chunk, 2),
            four_scales(lanes, chunk, 3),
        ];
        chunk.ask::<L, { 32 * TILE }>(lanes, 14);
        for half in Rolled::<2>::new() {
            each_group!(pair in 0, 1 => {
                let (first, second) = (4 * half + 2 * pair, 4 * half + 2 * pair + 1);
                sink.begin(lanes, first);
                each_group_of_both!(S, group => {
                    let third = chunk.line(lanes, 14, 32, 0, group);
                    let line = chunk.line(lanes, 46, 64, 0, 8 * half + group);
                    let low = lanes.bits(line, 4 * pair as u32, 3);
                    let high = third_bits(lanes, third, first);
                    sink.set(lanes, first, group, lanes.or(low, high));
                    let low = lanes.bits(line, 4 * pair as u32 + 2, 3);
                    let high = third_bits(lanes, third, second);
                    sink.set(lanes, second, group, lanes.or(low, high));
                });
                end(lanes, first, d, &scales[first / 2], sink);
                end(lanes, second, d, &scales[first / 2], sink);
            });
        }
    }
}

/// The third bits of a block, where they belong. Which way they move is known only while the chunk is unpacked: the
/// choice is cheaper than a shift more, but not where registers are few.
#[inline(always)]
fn third_bits<L: Lanes>(lanes: L, third: L::Words, block: usize) -> L::Words {
    match L::REGISTERS > 1 {
        true => lanes.turn(lanes.bits(third, block as u32, 1), 2, 4),
        false => lanes.turn(third, 2 - block as i32, 4),
    }
}

/// Ends a block with its scales, times `d`.
#[inline(always)]
fn end<L: Lanes>(lanes: L, block: usize, d: L::Floats, scales: &Four, sink: &mut impl Sink<L>) {
    for half in 0..2 {
        let scale = scales.floats(lanes, block % 2 * 2 + half);
        let scale = lanes.plus(scale, lanes.splat(-32.0));
        sink.set_scale(lanes, block, half, lanes.times(d, scale));
    }
    sink.end(lanes, block);
}

/// The scales of groups `4 quarter ..`, with 32 added: low halves of bytes 0 to 7, then their high
/// halves, and two bits each of bytes 8 to 11.
#[inline(always)]
fn four_scales<L: Lanes>(lanes: L, chunk: &Chunk<'_>, quarter: usize) -> Four {
    let low = chunk.line(lanes, 2, 12, 0, quarter % 2);
    let low = lanes.bits(low, (quarter / 2 * 4) as u32, 15);
    let high = lanes.turn(chunk.line(lanes, 2, 12, 0, 2), 4 - 2 * quarter as i32, 0x30);
    Four::new(lanes, lanes.or(low, high))
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (hmask, qs, d) = (&block[..32], &block[32..96], f16_at(block, 108));
    let scales = scales(&block[96..108]);
    for (i, out) in out.iter_mut().enumerate() {
        let low = qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        let high = hmask[i % 32] >> (i / 32) & 1;
        *out = d * f32::from(scales[i / 16]) * (f32::from(low | high << 2) - 4.0);
    }
}

/// The 16 scales of a super-block, with 32 taken off.
pub(super) fn scales(packed: &[u8]) -> [i8; 16] {
    std::array::from_fn(|g| {
        let low = packed[g % 8] >> (g / 8 * 4) & 15;
        let high = packed[8 + g % 4] >> (g / 4 * 2) & 3;
        (low | high << 4) as i8 - 32
    })
}

/// By least squares, see [`Symmetric`].
fn quantize(x: &[f32], block: &mut [u8]) {
    quantize_weighted(x, &[1.0; 256], block);
}

fn quantize_weighted(x: &[f32], weights: &[f32], block: &mut [u8]) {
    let fit = Symmetric::new(x, weights, 4, 32);
    let q = fit.q.map(|q| (q + 4) as u8);
    block.fill(0);
    for (i, q) in q.iter().enumerate() {
        block[i % 32] |= (q >> 2) << (i / 32);
        block[32 + i / 128 * 32 + i % 32] |= (q & 3) << (i % 128 / 32 * 2);
    }
    for (g, scale) in fit.scales.iter().enumerate() {
        let scale = (scale + 32) as u8;
        block[96 + g % 8] |= (scale & 15) << (g / 8 * 4);
        block[104 + g % 4] |= (scale >> 4) << (g / 4 * 2);
    }
    put_f16(block, 108, fit.d);
}
