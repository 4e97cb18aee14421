//! BF16: little-endian bfloat16, the upper half of a binary32.
//!
//! Activations are rounded to bf16, too, which halves the work of a processor that multiplies pairs of
//! such numbers. The sum is that of other plain numbers on every processor.

use super::bf16_rows::without_small;
use super::format::Format;
use super::kernels::Isa;
use super::panel::Lanes;
use super::plain::{Plain, from_codes, to_codes};
use super::tensor_type::TensorType;
use super::tile::{Layout, field};

pub(crate) const FORMAT: Format = Format {
    settle: Some(settle),
    bf16: Some(Isa::bf16),
    ..Format::plain::<Tiled>(dequantize, quantize)
};

/// The format in tiles.
pub(crate) struct Tiled;

impl Plain for Tiled {
    const LAYOUT: Layout = Layout { ty: TensorType::BF16, fields: &[field(0, 2, 2)] };

    #[inline(always)]
    fn line<L: Lanes>(lanes: L, bytes: &[u8]) -> L::Floats {
        lanes.bf16(bytes.try_into().expect("sixteen elements"))
    }
}

/// Makes weights zero that are so small that products could be subnormal.
fn settle(tile: &mut [u8]) {
    for bytes in tile.as_chunks_mut::<2>().0 {
        *bytes = without_small(u16::from_le_bytes(*bytes)).to_le_bytes();
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    from_codes(bytes, out, fpbits::bf16_to_f32_slice);
}

fn quantize(x: &[f32], bytes: &mut [u8]) {
    to_codes(x, bytes, fpbits::bf16_from_f32_slice);
}
