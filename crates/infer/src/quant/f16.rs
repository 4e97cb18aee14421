//! F16: little-endian IEEE binary16.

use super::format::{Format, f16_at, put_f16};
use super::panel::Lanes;
use super::plain::Plain;
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::plain::<Tiled>(dequantize, quantize);

/// The format in tiles.
pub(crate) struct Tiled;

impl Plain for Tiled {
    const LAYOUT: Layout = Layout { ty: TensorType::F16, fields: &[field(0, 2, 2)] };

    #[inline(always)]
    fn line<L: Lanes>(lanes: L, bytes: &[u8]) -> L::Floats {
        lanes.f16(bytes.try_into().expect("sixteen elements"))
    }
}

fn dequantize(block: &[u8], out: &mut [f32]) {
    out[0] = f16_at(block, 0);
}

fn quantize(x: &[f32], block: &mut [u8]) {
    put_f16(block, 0, x[0]);
}
