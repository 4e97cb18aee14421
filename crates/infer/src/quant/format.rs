//! The list of formats this crate computes with: one line a format, one file a line.

use super::bf16_rows::Bf16Rows;
use super::kernels::{Isa, Scratch, Tiles};
use super::panel::Packed;
use super::plain::Plain;
use super::quantized_rows::QuantizedRows;
use super::table::Table;
use super::tensor_type::TensorType;
use super::tile::Layout;
use super::{
    bf16, f16, f32, iq1_m, iq1_s, iq2_s, iq2_xs, iq2_xxs, iq3_s, iq3_xxs, iq4_nl, iq4_xs, mxfp4,
    nvfp4, q2_k, q3_k, q4_0, q4_1, q4_k, q5_0, q5_1, q5_k, q6_k, q8_0, tq1_0, tq2_0,
};

/// Turns the bytes of one block into its elements. Both slices have the block's length; plain
/// numbers, each a block, come in any number.
type Dequantize = fn(&[u8], &mut [f32]);
/// Turns the elements of one block into its bytes, plain numbers in any number.
type Quantize = fn(&[f32], &mut [u8]);
/// The same so that the squared error, each element's times its weight, is small.
type QuantizeWeighted = fn(&[f32], &[f32], &mut [u8]);

/// What a format's file provides.
pub(crate) struct Format {
    /// Which format it is.
    pub(crate) ty: TensorType,
    /// Bytes to elements.
    pub(crate) dequantize: Dequantize,
    /// Elements to bytes, for the formats written so far.
    pub(crate) quantize: Option<Quantize>,
    /// Elements with weights to bytes, where the format's quantizer searches.
    pub(crate) weighted: Option<QuantizeWeighted>,
    /// How rows lie in tiles.
    pub(crate) layout: Layout,
    /// Adds the product of tiles with f32 activations `[B, cols]` to the scratch.
    pub(crate) exact: fn(Isa, Tiles<'_>, &[f32], usize, &mut Scratch),
    /// Adds the product of tiles with rounded activations to the scratch; formats of plain numbers
    /// have none.
    pub(crate) quantized: Option<fn(Isa, Tiles<'_>, &QuantizedRows, &mut Scratch)>,
    /// The same with activations in bf16, for weights in bf16.
    pub(crate) bf16: Option<fn(Isa, Tiles<'_>, &Bf16Rows, &mut Scratch)>,
    /// What is done to a tile before it is multiplied.
    pub(crate) settle: Option<fn(&mut [u8])>,
}

/// Every format this crate computes with.
pub(crate) const FORMATS: [Format; 26] = [
    f32::FORMAT,
    f16::FORMAT,
    bf16::FORMAT,
    q8_0::FORMAT,
    q4_0::FORMAT,
    q4_1::FORMAT,
    q5_0::FORMAT,
    q5_1::FORMAT,
    q2_k::FORMAT,
    q3_k::FORMAT,
    q4_k::FORMAT,
    q5_k::FORMAT,
    q6_k::FORMAT,
    iq4_nl::FORMAT,
    iq4_xs::FORMAT,
    mxfp4::FORMAT,
    nvfp4::FORMAT,
    tq2_0::FORMAT,
    tq1_0::FORMAT,
    iq1_s::FORMAT,
    iq1_m::FORMAT,
    iq2_xxs::FORMAT,
    iq2_xs::FORMAT,
    iq2_s::FORMAT,
    iq3_xxs::FORMAT,
    iq3_s::FORMAT,
];

impl Format {
    /// A format of integers in blocks.
    pub(crate) const fn packed<P: Packed>(
        dequantize: Dequantize,
        quantize: Option<Quantize>,
    ) -> Self {
        Format {
            ty: P::LAYOUT.ty,
            dequantize,
            quantize,
            weighted: None,
            layout: P::LAYOUT,
            exact: Isa::exact::<P>,
            quantized: Some(Isa::quantized::<P>),
            bf16: None,
            settle: None,
        }
    }

    /// The format with a quantizer that minds weights.
    pub(crate) const fn weighted(self, quantize: QuantizeWeighted) -> Self {
        Format { weighted: Some(quantize), ..self }
    }

    /// A format of plain numbers.
    pub(crate) const fn plain<P: Plain>(dequantize: Dequantize, quantize: Quantize) -> Self {
        Format {
            ty: P::LAYOUT.ty,
            dequantize,
            quantize: Some(quantize),
            weighted: None,
            layout: P::LAYOUT,
            exact: Isa::plain::<P>,
            quantized: None,
            bf16: None,
            settle: None,
        }
    }

    /// A format that is only dequantized.
    pub(crate) const fn table<T: Table>() -> Self {
        Format {
            ty: T::TYPE,
            dequantize: T::dequantize,
            quantize: None,
            weighted: None,
            layout: T::LAYOUT,
            exact: Isa::table::<T>,
            quantized: None,
            bf16: None,
            settle: None,
        }
    }

    /// The format of a type, if this crate computes with it.
    pub(crate) fn of(ty: TensorType) -> Option<&'static Format> {
        const LIST: &[Format] = &FORMATS;
        LIST.iter().find(|format| format.ty == ty)
    }

    /// Whether blocks are single numbers, of which a call takes any number.
    pub(crate) fn is_plain(&self) -> bool {
        self.ty.block_elements() == 1
    }

    /// Whether activations are rounded beside such weights.
    pub(crate) fn rounds_activations(&self) -> bool {
        self.quantized.is_some() || self.bf16.is_some()
    }

    /// Turns whole blocks into their elements.
    pub(crate) fn dequantize_blocks(&self, blocks: &[u8], out: &mut [f32]) {
        let (elements, bytes) = (self.ty.block_elements(), self.ty.block_bytes());
        debug_assert_eq!(blocks.len() / bytes * elements, out.len());
        if self.is_plain() {
            return (self.dequantize)(blocks, out);
        }
        for (block, out) in blocks.chunks_exact(bytes).zip(out.chunks_exact_mut(elements)) {
            (self.dequantize)(block, out);
        }
    }
}

/// The f16 stored at byte `at` of a block.
pub(crate) fn f16_at(block: &[u8], at: usize) -> f32 {
    fpbits::f16_to_f32(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// Stores `value`, rounded to f16, at byte `at` of a block.
pub(crate) fn put_f16(block: &mut [u8], at: usize, value: f32) {
    block[at..at + 2].copy_from_slice(&fpbits::f16_from_f32(value).to_le_bytes());
}

/// `value` rounded to f16.
pub(crate) fn f16_round(value: f32) -> f32 {
    fpbits::f16_to_f32(fpbits::f16_from_f32(value))
}
