//! Q4_1: blocks of 32 four-bit integers with an f16 scale and an f16 minimum; 5 bits a weight.
//!
//! ```text
//! byte 0   d    f16
//! byte 2   m    f16
//! byte 4   qs   16 bytes: element i in the low half of byte i, element i + 16 in its high half
//!          x[i] = d * q[i] + m
//! ```

use super::format::{Format, f16_at, put_f16};
use super::panel::{Chunk, Lanes, Minimum, Packed, Sink};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, Some(quantize));

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout =
        Layout { ty: TensorType::Q4_1, fields: &[field(0, 2, 2), field(2, 2, 2), field(4, 16, 4)] };
    type Scheme = Minimum<15>;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            sink.set_min(lanes, block, 0, chunk.f16(lanes, 2, block));
            for group in 0..4 {
                let line = chunk.line(lanes, 4, 16, block, group);
                sink.set(lanes, block, group, lanes.bits(line, 0, 15));
                sink.set(lanes, block, group + 4, lanes.bits(line, 4, 15));
            }
            sink.end(lanes, block);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[4..]) {
        *low = d * f32::from(q & 15) + m;
        *high = d * f32::from(q >> 4) + m;
    }
}

/// The block's range is cut into 15 steps; quotients are rounded by adding 0.5 and truncating.
fn quantize(x: &[f32], block: &mut [u8]) {
    let min = x.iter().fold(f32::INFINITY, |min, &x| min.min(x));
    let max = x.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    let d = (max - min) / 15.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    put_f16(block, 0, d);
    put_f16(block, 2, min);
    let nibble = |x: f32| (((x - min) * inverse + 0.5) as u8).min(15);
    for (i, q) in block[4..].iter_mut().enumerate() {
        *q = nibble(x[i]) | nibble(x[i + 16]) << 4;
    }
}
