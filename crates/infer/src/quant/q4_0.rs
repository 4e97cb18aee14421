//! Q4_0: blocks of 32 four-bit integers with one f16 scale; 4.5 bits a weight.
//!
//! ```text
//! byte 0   d    f16
//! byte 2   qs   16 bytes: element i in the low half of byte i, element i + 16 in its high half
//!          x[i] = d * (q[i] - 8)
//! ```

use super::format::{Format, f16_at, put_f16};
use super::panel::{Chunk, Lanes, Packed, Signed, Sink};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, Some(quantize));

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout =
        Layout { ty: TensorType::Q4_0, fields: &[field(0, 2, 2), field(2, 16, 4)] };
    type Scheme = Signed<8>;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            for group in 0..4 {
                let line = chunk.line(lanes, 2, 16, block, group);
                sink.set(lanes, block, group, lanes.bits(line, 0, 15));
                sink.set(lanes, block, group + 4, lanes.bits(line, 4, 15));
            }
            sink.end(lanes, block);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[2..]) {
        *low = d * (f32::from(q & 15) - 8.0);
        *high = d * (f32::from(q >> 4) - 8.0);
    }
}

/// `d` maps the element of largest magnitude to -8, the end of the range that has one step more;
/// quotients are rounded by adding 8.5 and truncating.
fn quantize(x: &[f32], block: &mut [u8]) {
    let largest = x.iter().fold(0f32, |max, &x| if x.abs() > max.abs() { x } else { max });
    let d = largest / -8.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    put_f16(block, 0, d);
    let nibble = |x: f32| ((x * inverse + 8.5) as u8).min(15);
    for (i, q) in block[2..].iter_mut().enumerate() {
        *q = nibble(x[i]) | nibble(x[i + 16]) << 4;
    }
}
