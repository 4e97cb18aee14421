//! A weight matrix in its stored format, and the product with rows of activations.

use std::fmt;

use super::format::Format;
use super::tensor_type::TensorType;
use crate::bytes::Bytes;
use crate::error::InferError;

/// How activations take part in a product with quantized weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// Each block of 32 activations is rounded to 8-bit integers with an f32 scale, and the product
    /// is integer arithmetic within blocks: fast.
    #[default]
    Quantized,
    /// Activations stay f32 and weights are dequantized to f32: the reference.
    Exact,
}

/// A format that this crate does not compute with, or does not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedType(pub TensorType);

impl UnsupportedType {
    /// The same fact with the file and tensor it is about.
    pub(crate) fn named(self, file: &str, tensor: &str) -> InferError {
        InferError::UnsupportedTensorType {
            file: file.to_string(),
            tensor: tensor.to_string(),
            ty: self.0.to_string(),
        }
    }
}

impl fmt::Display for UnsupportedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weights of type {} are not supported", self.0)
    }
}

impl std::error::Error for UnsupportedType {}

/// A weight `W` of shape `[rows, cols]` = `[out, in]`, row after row in its stored format.
#[derive(Clone)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    format: &'static Format,
    data: Bytes,
}

impl Matrix {
    /// A matrix over stored bytes.
    ///
    /// # Errors
    ///
    /// [`UnsupportedType`] when this crate has no arithmetic for `ty`.
    ///
    /// # Panics
    ///
    /// When `data` is not as long as `rows` rows of `cols` elements.
    #[track_caller]
    pub fn new(
        rows: usize,
        cols: usize,
        ty: TensorType,
        data: Bytes,
    ) -> Result<Self, UnsupportedType> {
        let format = Format::of(ty).ok_or(UnsupportedType(ty))?;
        let bytes = ty.bytes_of(cols).and_then(|row| row.checked_mul(rows));
        assert!(
            bytes == Some(data.len()),
            "a {ty} matrix of shape [{rows}, {cols}] needs {bytes:?} bytes, got {}",
            data.len()
        );
        Ok(Matrix { rows, cols, format, data })
    }

    /// Number of outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The stored format.
    pub fn tensor_type(&self) -> TensorType {
        self.format.ty
    }

    /// Row `index`, dequantized.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    #[track_caller]
    pub fn row(&self, index: usize) -> Vec<f32> {
        let mut out = vec![0.0; self.cols];
        self.row_into(index, &mut out);
        out
    }

    /// Dequantizes row `index` into `out`.
    ///
    /// # Panics
    ///
    /// When there is no such row or `out` has another length.
    #[track_caller]
    pub fn row_into(&self, index: usize, out: &mut [f32]) {
        assert!(index < self.rows, "row {index} of a matrix of shape {:?}", [self.rows, self.cols]);
        assert_eq!(out.len(), self.cols, "a row of a matrix of shape {:?}", [self.rows, self.cols]);
        let bytes = self.data.len() / self.rows;
        self.format.dequantize_blocks(&self.data[index * bytes..][..bytes], out);
    }

    /// `out[b, o] = sum over i of x[b, i] * W[o, i]`, that is `out = x Wᵀ`.
    ///
    /// # Shapes
    ///
    /// `x` is `[B, cols]`, `out` is `[B, rows]`, both row-major.
    ///
    /// # Panics
    ///
    /// When `x` and `out` are not whole rows or differ in their number.
    #[track_caller]
    pub fn matmul(&self, x: &[f32], out: &mut [f32], activations: Activations) {
        let _ = activations;
        assert_eq!(x.len() % self.cols, 0);
        assert_eq!(x.len() / self.cols * self.rows, out.len());
        let mut row = vec![0.0; self.cols];
        for o in 0..self.rows {
            self.row_into(o, &mut row);
            for (b, x) in x.chunks_exact(self.cols).enumerate() {
                out[b * self.rows + o] =
                    x.iter().zip(&row).fold(0.0, |sum, (x, w)| x.mul_add(*w, sum));
            }
        }
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} [{}, {}])", self.format.ty, self.rows, self.cols)
    }
}
