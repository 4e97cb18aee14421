//! TQ2_0: super-blocks of 256 numbers -1, 0 or 1 in two bits; 2.0625 bits a weight.
//!
//! ```text
//! byte 0    qs  64 bytes: element 128 n + 32 s + i in bits 2 s of byte 32 n + i
//! byte 64   d   f16
//!           x = d (q - 1)
//! ```

use super::format::{Format, f16_at};
use super::panel::{Chunk, Lanes, Packed, Signed, Sink};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, None);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout =
        Layout { ty: TensorType::TQ2_0, fields: &[field(64, 2, 2), field(0, 64, 4)] };
    type Scheme = Signed<4>;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        let d = chunk.f16(lanes, 0, 0);
        for block in 0..8 {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, d);
            for group in 0..8 {
                let line = chunk.line(lanes, 2, 64, 0, block / 4 * 8 + group);
                let q = lanes.bits(line, (block % 4 * 2) as u32, 3);
                sink.set(lanes, block, group, lanes.add(q, 4 - 1));
            }
            sink.end(lanes, block);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 64);
    for (i, out) in out.iter_mut().enumerate() {
        let q = block[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        *out = d * (f32::from(q) - 1.0);
    }
}
