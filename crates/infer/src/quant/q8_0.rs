//! Q8_0: blocks of 32 signed bytes with one f16 scale; 8.5 bits a weight.
//!
//! ```text
//! byte 0   d   f16
//! byte 2   q   32 x i8      x[i] = d * q[i]
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
        Layout { ty: TensorType::Q8_0, fields: &[field(0, 2, 2), field(2, 32, 4)] };
    type Scheme = Signed;

    #[inline(always)]
    fn unpack<L: Lanes>(lanes: L, chunk: &Chunk<'_>, sink: &mut impl Sink<L>) {
        // Adding 128 to a signed byte is turning its sign bit.
        let signs = lanes.load(&[0x80; 64]);
        for block in 0..chunk.blocks {
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            for group in 0..8 {
                let line = chunk.line(lanes, 2, 32, block, group);
                sink.set(lanes, block, group, lanes.xor(line, signs));
            }
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    for (out, &q) in out.iter_mut().zip(&block[2..]) {
        *out = d * f32::from(q as i8);
    }
}

/// `d = absmax / 127`, `q = x / d` rounded to nearest with ties away from zero. The quotients use
/// the f32 scale, before it is rounded to f16, as the reference does.
fn quantize(x: &[f32], block: &mut [u8]) {
    let absmax = x.iter().fold(0f32, |max, x| max.max(x.abs()));
    let d = absmax / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    put_f16(block, 0, d);
    for (q, &x) in block[2..].iter_mut().zip(x) {
        *q = (x * inverse).round() as i8 as u8;
    }
}
