//! MXFP4: blocks of 32 four-bit floats (E2M1) with a power of two as their scale; 4.25 bits a weight.
//!
//! ```text
//! byte 0   e    the scale is 2^(e - 127)
//! byte 1   qs   16 bytes: element i in the low half of byte i, element i + 16 in its high half
//!          x[i] = 2^(e - 128) * LEVELS[q[i]], levels being twice the floats
//! ```
//!
//! OCP Microscaling Formats (MX) Specification 1.0.

use super::format::Format;
use super::panel::{Chunk, Lanes, Packed, Signed, Sink, levels_above};
use super::tensor_type::TensorType;
use super::tile::{Layout, TILE, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, None);

/// Twice the floats of E2M1.
pub(super) const LEVELS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout =
        Layout { ty: TensorType::MXFP4, fields: &[field(0, 1, 1), field(1, 16, 4)] };
    type Scheme = Signed<16>;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        const STORED: [u8; 16] = levels_above::<16>(LEVELS);
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            let mut scale = [0.0; TILE];
            for (scale, e) in scale.iter_mut().zip(chunk.bytes(0, 1, block, 0)) {
                *scale = half_power(*e);
            }
            sink.set_scale(lanes, block, 0, lanes.row(&scale));
            for group in 0..4 {
                let line = chunk.line(lanes, 1, 16, block, group);
                let (low, high) = (lanes.bits(line, 0, 15), lanes.bits(line, 4, 15));
                sink.set(lanes, block, group, lanes.look_up(&STORED, low));
                sink.set(lanes, block, group + 4, lanes.look_up(&STORED, high));
            }
            sink.end(lanes, block);
        }
    }
}

/// 2^(e - 128); the smallest two are subnormal.
#[inline(always)]
fn half_power(e: u8) -> f32 {
    let e = u32::from(e);
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { (e - 1) << 23 })
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let d = half_power(block[0]);
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[1..]) {
        *low = d * f32::from(LEVELS[usize::from(q & 15)]);
        *high = d * f32::from(LEVELS[usize::from(q >> 4)]);
    }
}
