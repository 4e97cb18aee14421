//! Rows of activations, rounded once for all the matrices they are multiplied with.

use super::kernels::Isa;
use super::matrix::Activations;
use super::quantized_rows::QuantizedRows;

/// Memory for rounded activations, kept from product to product.
#[derive(Debug, Default)]
pub struct RowBuffer {
    coarse: QuantizedRows,
    rest: QuantizedRows,
}

impl RowBuffer {
    /// An empty one; it grows on first use.
    pub fn new() -> Self {
        RowBuffer::default()
    }

    /// Bytes of a row of `cols` activations, rounded once.
    pub(crate) fn bytes_per_row(cols: usize) -> usize {
        QuantizedRows::bytes_per_row(cols)
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
        Rows { x, cols, batch, activations, buffer: self, has_coarse: false, has_rest: false }
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
    has_rest: bool,
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

    /// The activations, `[B, cols]`.
    pub(crate) fn exact(&self) -> &[f32] {
        self.x
    }

    /// Rounds the activations, with the rest if `fine`; false if they take part as they are.
    pub(crate) fn round(&mut self, isa: Isa, fine: bool) -> bool {
        if self.activations == Activations::Exact {
            return false;
        }
        let RowBuffer { coarse, rest } = &mut *self.buffer;
        if !self.has_coarse {
            coarse.fill(isa, self.x, self.cols);
            self.has_coarse = true;
        }
        if fine && !self.has_rest {
            rest.fill_rest(isa, self.x, self.cols, coarse);
            self.has_rest = true;
        }
        true
    }

    /// The activations after [`Rows::round`]: rounded, and the rest.
    pub(crate) fn rounded(&self) -> [&QuantizedRows; 2] {
        [&self.buffer.coarse, &self.buffer.rest]
    }
}
