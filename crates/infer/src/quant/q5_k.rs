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
use super::panel::{Chunk, Lanes, Minimum, Packed, Sink, each_group};
use super::q4_k::{SixBits, put_scales_and_minimums, scales_and_minimums};
use super::tensor_type::TensorType;
use super::tile::{Layout, field, in_turn};

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
            in_turn([48, 16], 32, 4),
            field(80, 96, 4),
        ],
    };
    type Scheme = Minimum;

    #[inline(always)]
    fn unpack<L: Lanes>(lanes: L, chunk: &Chunk<'_>, sink: &mut impl Sink<L>) {
        let d = chunk.f16(lanes, 0, 0);
        let dmin = lanes.times(chunk.f16(lanes, 2, 0), lanes.splat(-1.0));
        let six_bits = SixBits::new(lanes, chunk, 4);
        each_group!(block => {
            let (scale, minimum) = (six_bits.scale(lanes, block), six_bits.minimum(lanes, block));
            sink.set_scale(lanes, block, 0, lanes.times(d, scale));
            sink.set_min(lanes, block, 0, lanes.times(dmin, minimum));
            each_group!(group => {
                let low = match block / 2 {
                    0 => chunk.line(lanes, 16, 64, 0, 2 * group),
                    later => chunk.line(lanes, 80, 96, 0, (later - 1) * 8 + group),
                };
                let low = lanes.bits(low, (block % 2 * 4) as u32, 15);
                let high = chunk.line(lanes, 16, 64, 0, 2 * group + 1);
                let high = lanes.turn(high, 4 - block as i32, 16);
                sink.set(lanes, block, group, lanes.or(low, high));
            });
        });
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
