//! Q6_K: super-blocks of 256 six-bit integers in 16 groups of 16; 6.5625 bits a weight.
//!
//! ```text
//! byte 0     ql      128 bytes: low four bits; element 128 n + 64 h + i (i < 64) in half h of byte
//!                    64 n + i
//! byte 128   qh      64 bytes: upper two bits; element 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 192   scales  16 x i8
//! byte 208   d       f16
//!            x = d * scale * (q - 32)
//! ```

use super::format::{Format, f16_at, put_f16};
use super::least_squares::Symmetric;
use super::panel::{
    Chunk, Lanes, Packed, Rolled, SignedHalves, Sink, each_group, each_group_of_both,
};
use super::tensor_type::TensorType;
use super::tile::{Layout, field, in_turn};

pub(crate) const FORMAT: Format =
    Format::packed::<Tiled>(dequantize, Some(quantize)).weighted(quantize_weighted);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q6_K,
        fields: &[
            field(208, 2, 2),
            field(192, 16, 1),
            in_turn(&[0, 128, 32], 32, 4),
            in_turn(&[64, 160, 96], 32, 4),
        ],
    };
    type Scheme = SignedHalves<32>;
    const SIDE_BY_SIDE: usize = 2;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        let d = chunk.f16(lanes, 0, 0);
        for half in Rolled::<2>::new() {
            each_group!(pair in 0, 1 => {
                let (first, second) = (4 * half + 2 * pair, 4 * half + 2 * pair + 1);
                sink.begin(lanes, first);
                each_group_of_both!(S, group => {
                    let high = chunk.line(lanes, 18, 192, 0, 24 * half + 3 * group + 1);
                    let low = chunk.line(lanes, 18, 192, 0, 24 * half + 3 * group);
                    let low = lanes.bits(low, 4 * pair as u32, 15);
                    let upper = lanes.turn(high, 4 - 4 * pair as i32, 0x30);
                    sink.set(lanes, first, group, lanes.or(low, upper));
                    let low = chunk.line(lanes, 18, 192, 0, 24 * half + 3 * group + 2);
                    let low = lanes.bits(low, 4 * pair as u32, 15);
                    let upper = lanes.turn(high, 2 - 4 * pair as i32, 0x30);
                    sink.set(lanes, second, group, lanes.or(low, upper));
                });
                end(lanes, first, d, chunk, sink);
                end(lanes, second, d, chunk, sink);
            });
        }
    }
}

/// Ends a block with its scales, times `d`.
#[inline(always)]
fn end<L: Lanes>(lanes: L, block: usize, d: L::Floats, chunk: &Chunk<'_>, sink: &mut impl Sink<L>) {
    for half in 0..2 {
        let scale = lanes.widen_signed(chunk.bytes(2, 16, 0, 2 * block + half));
        sink.set_scale(lanes, block, half, lanes.times(d, lanes.floats(scale)));
    }
    sink.end(lanes, block);
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (ql, qh, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = f16_at(block, 208);
    for (group, out) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(scales[group] as i8);
        for (i, out) in out.iter_mut().enumerate() {
            *out = scale * (f32::from(six_bits(ql, qh, group * 16 + i)) - 32.0);
        }
    }
}

/// Element `i` of a super-block.
fn six_bits(ql: &[u8], qh: &[u8], i: usize) -> u8 {
    let (half, i) = (i / 128, i % 128);
    let low = ql[half * 64 + i % 64] >> (i / 64 * 4) & 15;
    let high = qh[half * 32 + i % 32] >> (i / 32 * 2) & 3;
    low | high << 4
}

/// By least squares, see [`Symmetric`].
fn quantize(x: &[f32], block: &mut [u8]) {
    quantize_weighted(x, &[1.0; 256], block);
}

fn quantize_weighted(x: &[f32], weights: &[f32], block: &mut [u8]) {
    let fit = Symmetric::new(x, weights, 32, 128);
    block.fill(0);
    for (i, q) in fit.q.iter().enumerate() {
        let q = (q + 32) as u8;
        let (half, i) = (i / 128, i % 128);
        block[half * 64 + i % 64] |= (q & 15) << (i / 64 * 4);
        block[128 + half * 32 + i % 32] |= (q >> 4) << (i / 32 * 2);
    }
    for (byte, scale) in block[192..208].iter_mut().zip(fit.scales) {
        *byte = scale as u8;
    }
    put_f16(block, 208, fit.d);
}
