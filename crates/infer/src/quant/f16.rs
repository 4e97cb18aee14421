//! F16: little-endian IEEE binary16.

use super::format::Format;
use super::panel::Lanes;
use super::plain::Plain;
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::plain::<Tiled>(dequantize, quantize);

/// Numbers that are converted at once.
const AT_ONCE: usize = 256;

/// The format in tiles.
pub(crate) struct Tiled;

impl Plain for Tiled {
    const LAYOUT: Layout = Layout { ty: TensorType::F16, fields: &[field(0, 2, 2)] };

    #[inline(always)]
    fn line<L: Lanes>(lanes: L, bytes: &[u8]) -> L::Floats {
        lanes.f16(bytes.try_into().expect("sixteen elements"))
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    let mut codes = [0; AT_ONCE];
    for (out, bytes) in out.chunks_mut(AT_ONCE).zip(bytes.chunks(2 * AT_ONCE)) {
        let codes = &mut codes[..out.len()];
        for (code, bytes) in codes.iter_mut().zip(bytes.as_chunks().0) {
            *code = u16::from_le_bytes(*bytes);
        }
        fpbits::f16_to_f32_slice(codes, out);
    }
}

fn quantize(x: &[f32], bytes: &mut [u8]) {
    let mut codes = [0; AT_ONCE];
    for (x, bytes) in x.chunks(AT_ONCE).zip(bytes.chunks_mut(2 * AT_ONCE)) {
        let codes = &mut codes[..x.len()];
        fpbits::f16_from_f32_slice(x, codes);
        for (code, bytes) in codes.iter().zip(bytes.as_chunks_mut().0) {
            *bytes = code.to_le_bytes();
        }
    }
}
