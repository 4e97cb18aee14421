//! What the kernels reach on this machine, measured: what predictions are made of.

use std::time::Instant;

use super::matrix::{Activations, Matrix, UnsupportedType};
use super::quantize::quantize;
use super::rows::RowBuffer;
use super::tensor_type::TensorType;
use crate::bytes::Bytes;

/// Columns of the matrices that are measured.
const COLS: usize = 2048;
/// Bytes that one row is multiplied with: beyond any cache that a core has to itself.
const STREAMED: usize = 1 << 27;
/// Rows of the weights that many rows are multiplied with.
const ROWS: usize = 1024;
/// How many those are.
const BATCH: usize = 256;
/// Repetitions; the median counts, since a prediction is of the usual.
const TIMES: usize = 5;

/// The speed of products with one type of weights on the current rayon pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelRates {
    /// The type.
    pub ty: TensorType,
    /// Bytes of weights in a second at one row of activations.
    pub one_row_bytes: f64,
    /// Multiplications and additions in a second at many.
    pub many_row_operations: f64,
}

impl KernelRates {
    /// Measures for some tenths of a second.
    ///
    /// # Errors
    ///
    /// [`UnsupportedType`] when this crate does not multiply with `ty`.
    pub fn measure(ty: TensorType) -> Result<Self, UnsupportedType> {
        let rows = STREAMED / ty.bytes_of(COLS).ok_or(UnsupportedType(ty))?;
        let streamed = weights(ty, rows / 16 * 16)?;
        let small = weights(ty, ROWS)?;
        let bytes = ty.bytes_of(COLS).unwrap_or(0) * streamed.rows();
        Ok(KernelRates {
            ty,
            one_row_bytes: bytes as f64 / seconds(&streamed, 1),
            many_row_operations: (2 * BATCH * ROWS * COLS) as f64 / seconds(&small, BATCH),
        })
    }
}

/// A matrix whose rows repeat: the kernels do not know.
fn weights(ty: TensorType, rows: usize) -> Result<Matrix, UnsupportedType> {
    let x: Vec<f32> = (0..16 * COLS).map(|i| (i * 7919 % 1999) as f32 / 1000.0 - 1.0).collect();
    // Types that are only read: any bytes are weights.
    let tile = quantize(ty, &x).or_else(|error| match ty.bytes_of(16 * COLS) {
        Some(bytes) if ty.block_elements() > 1 => Ok(vec![0x24; bytes]),
        _ => Err(error),
    })?;
    Matrix::new(rows, COLS, ty, Bytes::from(tile.repeat(rows / 16)))
}

/// The median time of a product with `batch` rows.
fn seconds(matrix: &Matrix, batch: usize) -> f64 {
    let x: Vec<f32> =
        (0..batch * COLS).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 500.0).collect();
    let (mut out, mut buffer) = (vec![0.0; batch * matrix.rows()], RowBuffer::new());
    let mut times: Vec<f64> = (0..=TIMES)
        .map(|_| {
            let start = Instant::now();
            matrix.multiply(&mut buffer.rows(&x, COLS, Activations::Quantized), &mut out);
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
