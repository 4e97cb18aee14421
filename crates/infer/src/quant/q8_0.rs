//! Q8_0: blocks of 32 signed bytes with one f16 scale; 8.5 bits a weight.
//!
//! ```text
//! byte 0   d   f16
//! byte 2   q   32 x i8      x[i] = d * q[i]
//! ```

use ulp_tensor::simd::{Kernel, run};

use super::format::{Format, f16_at, put_f16};
use super::panel::{Chunk, Lanes, Packed, Signed, Sink, each_group};
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
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S) {
        // Adding 128 to a signed byte is turning its sign bit.
        let signs = lanes.load(&[0x80; 64]);
        for block in 0..chunk.blocks {
            sink.begin(lanes, block);
            sink.set_scale(lanes, block, 0, chunk.f16(lanes, 0, block));
            each_group!(group => {
                let line = chunk.line(lanes, 2, 32, block, group);
                sink.set(lanes, block, group, lanes.xor(line, signs));
            });
            sink.end(lanes, block);
        }
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    for (out, &q) in out.iter_mut().zip(&block[2..]) {
        *out = d * f32::from(q as i8);
    }
}

/// [`round_q8_0`], with the scale rounded to f16.
fn quantize(x: &[f32], block: &mut [u8]) {
    let (d, codes) = run(Round(x));
    put_f16(block, 0, d);
    for (byte, code) in block[2..].iter_mut().zip(codes) {
        *byte = code as u8;
    }
}

/// [`round_q8_0`] on the best instruction set.
struct Round<'a>(&'a [f32]);

impl Kernel for Round<'_> {
    type Output = (f32, [i8; 32]);

    #[inline(always)]
    fn run(self) -> Self::Output {
        round_q8_0(self.0)
    }
}

/// `d = absmax / 127` and `q = x / d` rounded to nearest with ties away from zero, for up to 32
/// numbers; further ones are taken for 0. The quotients use this f32 scale, not the f16 that is
/// stored, as the reference does. A NaN among the numbers makes the scale NaN, so that it shows.
#[inline(always)]
pub(crate) fn round_q8_0(x: &[f32]) -> (f32, [i8; 32]) {
    let larger = |max: f32, x: f32| if x.abs() > max || x.is_nan() { x.abs() } else { max };
    let d = x.iter().fold(0.0, |max, &x| larger(max, x)) / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    let mut codes = [0; 32];
    for (code, &x) in codes.iter_mut().zip(x) {
        *code = (x * inverse).round() as i8;
    }
    (d, codes)
}
