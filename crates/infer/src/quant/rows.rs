//! Rows of activations, rounded once for all the matrices they are multiplied with.

use super::bf16_rows::Bf16Rows;
use super::kernels::{Isa, Reading};
use super::matrix::Activations;
use super::quantized_rows::QuantizedRows;
use super::spread_rows::SpreadRows;

/// Memory for rounded activations, kept from product to product.
#[derive(Debug, Default)]
pub struct RowBuffer {
    /// Rounded to 8 bits.
    coarse: QuantizedRows,
    /// Rounded to 16 bits: the coarse rows, and behind them what they leave.
    fine: QuantizedRows,
    /// Rounded to bf16.
    bf16: Bf16Rows,
    /// As they are.
    spread: SpreadRows,
}

impl RowBuffer {
    /// An empty one; it grows on first use.
    pub fn new() -> Self {
        RowBuffer::default()
    }

    /// Bytes of a row of `cols` activations, rounded to integers once.
    pub(crate) fn bytes_per_row(cols: usize) -> usize {
        QuantizedRows::bytes_per_row(cols)
    }

    /// Bytes of each of `rows` rows of `cols` activations, rounded to bf16.
    pub(crate) fn bf16_bytes_per_row(rows: usize, cols: usize) -> usize {
        Bf16Rows::bytes_per_row(rows, cols)
    }

    /// Bytes of each of `rows` rows of `cols` activations, as they are.
    pub(crate) fn spread_bytes_per_row(rows: usize, cols: usize) -> usize {
        match SpreadRows::stride(rows, cols) {
            stride if stride == cols => 0,
            stride => size_of::<f32>() * stride,
        }
    }

    /// Rows of `cols` activations, `x` being `[B, cols]`.
    ///
    /// # Panics
    ///
    /// When `x` is not whole rows.
    #[track_caller]
    pub fn rows<'a>(&'a mut self, x: &'a [f32], cols: usize, activations: Activations) -> Rows<'a> {
        let batch = x.len().checked_div(cols).unwrap_or(0);
        assert!(x.len() == batch * cols, "{} activations are not rows of {cols}", x.len());
        let (has_coarse, has_fine, has_bf16, is_spread) = (false, false, false, false);
        let buffer = self;
        Rows { x, cols, batch, activations, buffer, has_coarse, has_fine, has_bf16, is_spread }
    }
}

/// Rows of activations `[B, cols]` for [`Matrix::multiply`](crate::Matrix::multiply). They are
/// rounded when the first matrix asks for it, and not again.
#[derive(Debug)]
pub struct Rows<'a> {
    x: &'a [f32],
    cols: usize,
    batch: usize,
    activations: Activations,
    buffer: &'a mut RowBuffer,
    has_coarse: bool,
    has_fine: bool,
    has_bf16: bool,
    is_spread: bool,
}

impl Rows<'_> {
    /// Number of rows.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Activations of a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Gets the activations ready for products with them as they are.
    pub(crate) fn spread(&mut self) {
        if !self.is_spread && SpreadRows::stride(self.batch, self.cols) != self.cols {
            self.buffer.spread.fill(self.x, self.cols);
            self.is_spread = true;
        }
    }

    /// The activations as they are, and the numbers from the beginning of a row to that of the next.
    pub(crate) fn exact(&self) -> (&[f32], usize) {
        match self.is_spread {
            true => (self.buffer.spread.numbers(), SpreadRows::stride(self.batch, self.cols)),
            false => (self.x, self.cols),
        }
    }

    /// Whether they take part as they are whatever the weights.
    pub(crate) fn are_exact(&self) -> bool {
        self.activations == Activations::Exact
    }

    /// Rounds the activations, to 16 bits too if `fine`, unless they take part as they are.
    pub(crate) fn round(&mut self, isa: Isa, fine: bool) {
        if self.are_exact() {
            return;
        }
        let RowBuffer { coarse, fine: fine_rows, .. } = &mut *self.buffer;
        if !self.has_coarse {
            coarse.fill(isa, self.x, self.cols);
            self.has_coarse = true;
        }
        if fine && !self.has_fine {
            fine_rows.fill_fine(isa, self.x, self.cols, coarse);
            self.has_fine = true;
        }
    }

    /// Rounds the activations to bf16, unless they take part as they are.
    pub(crate) fn round_to_bf16(&mut self, how: (Isa, Reading)) {
        if self.are_exact() || self.has_bf16 || self.x.is_empty() {
            return;
        }
        self.buffer.bf16.fill(how, self.x, self.cols);
        self.has_bf16 = true;
    }

    /// Whether they have been rounded to integers.
    pub(crate) fn are_rounded(&self) -> bool {
        self.has_coarse
    }

    /// The activations after [`Rows::round_to_bf16`], unless they take part as they are.
    pub(crate) fn bf16(&self) -> Option<&Bf16Rows> {
        self.has_bf16.then_some(&self.buffer.bf16)
    }

    /// The activations after [`Rows::round`]. If they are fine there are two rows of each, whose products are
    /// to be added: all the first ones, then all the second ones.
    pub(crate) fn rounded(&self, fine: bool) -> &QuantizedRows {
        if fine { &self.buffer.fine } else { &self.buffer.coarse }
    }
}
