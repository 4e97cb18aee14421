//! IQ4_NL: blocks of 32 four-bit indices into 16 levels, with one f16 scale; 4.5 bits a weight.
//!
//! ```text
//! byte 0   d    f16
//! byte 2   qs   16 bytes: element i in the low half of byte i, element i + 16 in its high half
//!          x[i] = d * LEVELS[q[i]]
//! ```

use super::format::{Format, f16_at};
use super::panel::{Chunk, Lanes, Packed, Signed, Sink, levels_above};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, None);

/// The levels: denser where weights are.
pub(super) const LEVELS: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout =
        Layout { ty: TensorType::IQ4_NL, fields: &[field(0, 2, 2), field(2, 16, 4)] };
    type Scheme = Signed;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        const STORED: [u8; 16] = levels_above::<128>(LEVELS);
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            for group in 0..4 {
                let line = chunk.line(lanes, 2, 16, block, group);
                let (low, high) = (lanes.bits(line, 0, 15), lanes.bits(line, 4, 15));
                sink.set(lanes, block, group, lanes.look_up(&STORED, low));
                sink.set(lanes, block, group + 4, lanes.look_up(&STORED, high));
            }
            sink.end(lanes, block);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[2..]) {
        *low = d * f32::from(LEVELS[usize::from(q & 15)]);
        *high = d * f32::from(LEVELS[usize::from(q >> 4)]);
    }
}
