//! Q5_1: blocks of 32 five-bit integers with an f16 scale and an f16 minimum; 6 bits a weight.
//!
//! ```text
//! byte 0   d    f16
//! byte 2   m    f16
//! byte 4   qh   u32: bit i is the fifth bit of element i
//! byte 8   qs   16 bytes: low four bits, element i in the low half of byte i, element i + 16 in
//!               its high half
//!          x[i] = d * q[i] + m
//! ```

use super::format::{Format, f16_at, put_f16};
use super::panel::{Chunk, Lanes, Minimum, Packed, Sink};
use super::q5_0::{five_bits, put_five_bits};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, Some(quantize));

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::Q5_1,
        fields: &[field(0, 2, 2), field(2, 2, 2), field(4, 4, 4), field(8, 16, 4)],
    };
    type Scheme = Minimum;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            sink.set_min(lanes, block, 0, chunk.f16(lanes, 2, block));
            let fifth = chunk.line(lanes, 4, 4, block, 0);
            for group in 0..4 {
                let line = chunk.line(lanes, 8, 16, block, group);
                for half in 0..2 {
                    let group = group + 4 * half;
                    let low = lanes.bits(line, 4 * half as u32, 15);
                    let q = lanes.or(low, lanes.spread(fifth, 4 * group as u32));
                    sink.set(lanes, block, group, q);
                }
            }
            sink.end(lanes, block);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    for (out, q) in out.iter_mut().zip(five_bits(&block[4..8], &block[8..])) {
        *out = d * f32::from(q) + m;
    }
}

/// The block's range is cut into 31 steps; quotients are rounded by adding 0.5 and truncating.
fn quantize(x: &[f32], block: &mut [u8]) {
    let min = x.iter().fold(f32::INFINITY, |min, &x| min.min(x));
    let max = x.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    let d = (max - min) / 31.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    put_f16(block, 0, d);
    put_f16(block, 2, min);
    let q = std::array::from_fn(|i| (((x[i] - min) * inverse + 0.5) as u8).min(31));
    let (high, low) = block[4..].split_at_mut(4);
    put_five_bits(&q, high, low);
}
