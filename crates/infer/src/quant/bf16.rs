//! BF16: little-endian bfloat16, the upper half of a binary32.

use super::format::Format;
use super::panel::Lanes;
use super::plain::{Plain, from_codes, to_codes};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format::plain::<Tiled>(dequantize, quantize);

/// The format in tiles.
pub(crate) struct Tiled;

impl Plain for Tiled {
    const LAYOUT: Layout = Layout { ty: TensorType::BF16, fields: &[field(0, 2, 2)] };

    #[inline(always)]
    fn line<L: Lanes>(lanes: L, bytes: &[u8]) -> L::Floats {
        lanes.bf16(bytes.try_into().expect("sixteen elements"))
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    from_codes(bytes, out, fpbits::bf16_to_f32_slice);
}

fn quantize(x: &[f32], bytes: &mut [u8]) {
    to_codes(x, bytes, fpbits::bf16_from_f32_slice);
}
