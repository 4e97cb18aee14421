//! NVFP4: blocks of 64 four-bit floats (E2M1) in 4 groups with an 8-bit float as scale; 4.5 bits a
//! weight.
//!
//! ```text
//! byte 0   d    4 x unsigned E4M3 (bias 7; 0x7f counts as zero)
//! byte 4   qs   4 groups of 8 bytes: element i in the low half of byte i, element i + 8 in its
//!               high half
//!          x = d / 2 * LEVELS[q], levels being twice the floats
//! ```

use super::format::Format;
use super::mxfp4::LEVELS;
use super::panel::{Chunk, Lanes, Packed, SignedHalves, Sink, levels_above};
use super::tensor_type::TensorType;
use super::tile::{Layout, TILE, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, None);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout =
        Layout { ty: TensorType::NVFP4, fields: &[field(0, 4, 1), field(4, 32, 4)] };
    type Scheme = SignedHalves<16>;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        const STORED: [u8; 16] = levels_above::<16>(LEVELS);
        for block in 0..2 * chunk.blocks {
            let stored = block / 2;
            sink.begin(lanes, block);
            for half in 0..2 {
                let group = block % 2 * 2 + half;
                let mut scale = [0.0; TILE];
                for (scale, byte) in scale.iter_mut().zip(chunk.bytes(0, 4, stored, group)) {
                    *scale = half_e4m3(*byte);
                }
                sink.set_scale(lanes, block, half, lanes.row(&scale));
                for unit in 0..2 {
                    let line = chunk.line(lanes, 4, 32, stored, 2 * group + unit);
                    let (low, high) = (lanes.bits(line, 0, 15), lanes.bits(line, 4, 15));
                    let first = 4 * half + unit;
                    sink.set(lanes, block, first, lanes.look_up(&STORED, low));
                    sink.set(lanes, block, first + 2, lanes.look_up(&STORED, high));
                }
            }
            sink.end(lanes, block);
        }
    }
}

/// Half of an unsigned E4M3.
#[inline(always)]
fn half_e4m3(byte: u8) -> f32 {
    let (exponent, fraction) = (u32::from(byte >> 3 & 15), f32::from(byte & 7));
    // 2^-10 and 2^(exponent - 8).
    let unit = f32::from_bits((127 - 10) << 23);
    let power = f32::from_bits((127 - 8 + exponent) << 23);
    match byte {
        0x7f => 0.0,
        _ if exponent == 0 => fraction * unit,
        _ => (1.0 + fraction / 8.0) * power,
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (scales, qs) = block.split_at(4);
    for (group, out) in out.chunks_exact_mut(16).enumerate() {
        let d = half_e4m3(scales[group]);
        for (i, out) in out.iter_mut().enumerate() {
            let q = qs[8 * group + i % 8] >> (i / 8 * 4) & 15;
            *out = d * f32::from(LEVELS[usize::from(q)]);
        }
    }
}
