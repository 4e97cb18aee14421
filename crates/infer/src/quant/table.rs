//! Formats that are only dequantized: products go through f32, with activations as they are.

use super::tensor_type::TensorType;
use super::tile::{Field, Layout, field};

/// A format whose blocks are turned into numbers one by one.
pub(crate) trait Table {
    /// The format.
    const TYPE: TensorType;
    /// Its only field: the bytes of the block.
    const FIELDS: &'static [Field] = &[field(0, Self::TYPE.block_bytes(), 1)];
    /// Format and fields.
    const LAYOUT: Layout = Layout { ty: Self::TYPE, fields: Self::FIELDS };

    /// Turns the bytes of one block into its elements.
    fn dequantize(block: &[u8], out: &mut [f32]);
}
