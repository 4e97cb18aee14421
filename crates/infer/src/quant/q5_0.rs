//! Q5_0: blocks of 32 five-bit integers with one f16 scale; 5.5 bits a weight.
//!
//! ```text
//! byte 0   d    f16
//! byte 2   qh   u32: bit i is the fifth bit of element i
//! byte 6   qs   16 bytes: low four bits, element i in the low half of byte i, element i + 16 in
//!               its high half
//!          x[i] = d * (q[i] - 16)
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
        Layout { ty: TensorType::Q5_0, fields: &[field(0, 2, 2), field(2, 4, 4), field(6, 16, 4)] };
    type Scheme = Signed<16>;

    #[inline(always)]
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            let fifth = chunk.line(lanes, 2, 4, block, 0);
            for group in 0..4 {
                let line = chunk.line(lanes, 6, 16, block, group);
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
    let d = f16_at(block, 0);
    for (out, q) in out.iter_mut().zip(five_bits(&block[2..6], &block[6..])) {
        *out = d * (f32::from(q) - 16.0);
    }
}

/// `d` maps the element of largest magnitude to -16; quotients are rounded by adding 16.5 and
/// truncating.
fn quantize(x: &[f32], block: &mut [u8]) {
    let largest = x.iter().fold(0f32, |max, &x| if x.abs() > max.abs() { x } else { max });
    let d = largest / -16.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    put_f16(block, 0, d);
    let q = std::array::from_fn(|i| ((x[i] * inverse + 16.5) as u8).min(31));
    let (high, low) = block[2..].split_at_mut(4);
    put_five_bits(&q, high, low);
}

/// The 32 five-bit integers of `high` (four bytes) and `low` (sixteen).
pub(super) fn five_bits(high: &[u8], low: &[u8]) -> [u8; 32] {
    let high = u32::from_le_bytes(high.try_into().expect("four bytes"));
    std::array::from_fn(|i| {
        let low = low[i % 16] >> (i / 16 * 4) & 15;
        low | ((high >> i & 1) as u8) << 4
    })
}

/// The inverse of [`five_bits`].
pub(super) fn put_five_bits(q: &[u8; 32], high: &mut [u8], low: &mut [u8]) {
    let bits = q.iter().enumerate().fold(0u32, |bits, (i, q)| bits | u32::from(q >> 4) << i);
    high.copy_from_slice(&bits.to_le_bytes());
    for (i, low) in low.iter_mut().enumerate() {
        *low = q[i] & 15 | (q[i + 16] & 15) << 4;
    }
}
