//! F32: plain little-endian binary32.

use super::format::Format;
use super::panel::Lanes;
use super::plain::Plain;
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::plain::<Tiled>(dequantize, quantize);

/// The format in tiles.
pub(crate) struct Tiled;

impl Plain for Tiled {
    const LAYOUT: Layout = Layout { ty: TensorType::F32, fields: &[field(0, 4, 4)] };

    #[inline(always)]
    fn line<L: Lanes>(lanes: L, bytes: &[u8]) -> L::Floats {
        lanes.row_of_bytes(bytes.try_into().expect("sixteen elements"))
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
        *out = f32::from_le_bytes(*bytes);
    }
}

fn quantize(x: &[f32], bytes: &mut [u8]) {
    for (x, bytes) in x.iter().zip(bytes.as_chunks_mut().0) {
        *bytes = x.to_le_bytes();
    }
}
