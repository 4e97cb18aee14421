//! IQ4_XS: super-blocks of 256 four-bit indices into 16 levels, in 8 groups; 4.25 bits a weight.
//!
//! ```text
//! byte 0   d         f16
//! byte 2   scales_h  u16: group g has the upper two bits of its scale in bits 2 g
//! byte 4   scales_l  4 bytes: the lower four bits, group 2 i in the low half of byte i
//! byte 8   qs        8 groups of 16 bytes: element i in the low half of byte i, element i + 16 in
//!                    its high half
//!          x = d (scale - 32) * LEVELS[q], the levels of IQ4_NL
//! ```

use super::format::{Format, f16_at};
use super::iq4_nl::LEVELS;
use super::panel::{Chunk, Lanes, Packed, Rolled, Signed, Sink, each_group, levels_above};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::packed::<Tiled>(dequantize, None);

/// The format in tiles.
pub(crate) struct Tiled;

impl Packed for Tiled {
    const LAYOUT: Layout = Layout {
        ty: TensorType::IQ4_XS,
        fields: &[field(0, 2, 2), field(2, 2, 1), field(4, 4, 1), field(8, 128, 4)],
    };
    type Scheme = Signed;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        const STORED: [u8; 16] = levels_above::<128>(LEVELS);
        let d = chunk.f16(lanes, 0, 0);
        for half in Rolled::<2>::new() {
            let high = chunk.widened(lanes, 2, 2, 0, half);
            each_group!(part in 0, 1, 2, 3 => {
                let block = 4 * half + part;
                sink.begin(lanes, block);
                let low = chunk.widened(lanes, 4, 4, 0, block / 2);
                let low = lanes.bits(low, part as u32 % 2 * 4, 15);
                let high = lanes.turn(high, 4 - 2 * part as i32, 0x30);
                let scale = lanes.floats(lanes.or(low, high));
                let scale = lanes.plus(scale, lanes.splat(-32.0));
                sink.set_scale(lanes, block, 0, lanes.times(d, scale));
                for group in 0..4 {
                    let line = chunk.line(lanes, 8, 128, 0, 4 * block + group);
                    let (low, high) = (lanes.bits(line, 0, 15), lanes.bits(line, 4, 15));
                    sink.set(lanes, block, group, lanes.look_up(&STORED, low));
                    sink.set(lanes, block, group + 4, lanes.look_up(&STORED, high));
                }
                sink.end(lanes, block);
            });
        }
    }
}

/// The scale whose bits begin at bit 0 of `high` and `low`.
fn scale(high: u8, low: u8) -> i8 {
    (low & 15 | (high & 3) << 4) as i8 - 32
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let (high, low) = (&block[2..4], &block[4..8]);
    for (group, (out, qs)) in out.chunks_exact_mut(32).zip(block[8..].chunks_exact(16)).enumerate()
    {
        let scale = scale(high[group / 4] >> (group % 4 * 2), low[group / 2] >> (group % 2 * 4));
        let d = f16_at(block, 0) * f32::from(scale);
        for (i, out) in out.iter_mut().enumerate() {
            *out = d * f32::from(LEVELS[usize::from(qs[i % 16] >> (i / 16 * 4) & 15)]);
        }
    }
}
