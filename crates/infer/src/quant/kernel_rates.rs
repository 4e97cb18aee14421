//! What the kernels reach on this machine, measured: what predictions are made of.

use std::time::Instant;

use super::limits::LimitBuffer;
use super::matrix::{Activations, Matrix, UnsupportedType};
use super::quantize::quantize;
use super::rows::RowBuffer;
use super::tensor_type::TensorType;
use crate::bytes::Bytes;

/// Columns of the matrices that are measured, and rows of those that one row is multiplied with: about what
/// a layer's weights have, since each product has an end at which threads wait.
const COLS: usize = 2048;
/// Bytes that one row is multiplied with.
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
    /// Bytes of weights in a second at one row of activations, weights from memory.
    pub one_row_bytes: f64,
    /// Multiplications and additions in a second at many.
    pub many_row_operations: f64,
}

impl KernelRates {
    /// Measures for some tenths of a second. Between products with one row the whole buffer is read, so
    /// that no cache holds the weights any more.
    ///
    /// # Errors
    ///
    /// [`UnsupportedType`] when this crate does not multiply with `ty`.
    pub fn measure(ty: TensorType, buffer: &LimitBuffer) -> Result<Self, UnsupportedType> {
        let bytes = ty.bytes_of(COLS * COLS).ok_or(UnsupportedType(ty))?;
        let large = stored(ty, COLS)?;
        let streamed = (0..STREAMED.div_ceil(bytes)).map(|_| matrix(ty, &large));
        let streamed = streamed.collect::<Result<Vec<Matrix>, UnsupportedType>>()?;
        let small = [matrix(ty, &stored(ty, ROWS)?)?];
        let forget = || {
            buffer.read_bytes(1);
        };
        Ok(KernelRates {
            ty,
            one_row_bytes: (bytes * streamed.len()) as f64 / seconds(&streamed, 1, forget),
            many_row_operations: (2 * BATCH * ROWS * COLS) as f64 / seconds(&small, BATCH, || ()),
        })
    }
}

/// Stored rows that repeat: the kernels do not know.
fn stored(ty: TensorType, rows: usize) -> Result<Bytes, UnsupportedType> {
    let x: Vec<f32> = (0..16 * COLS).map(|i| (i * 7919 % 1999) as f32 / 1000.0 - 1.0).collect();
    // Types that are only read: any bytes are weights.
    let tile = quantize(ty, &x).or_else(|error| match ty.bytes_of(16 * COLS) {
        Some(bytes) if ty.block_elements() > 1 => Ok(vec![0x24; bytes]),
        _ => Err(error),
    })?;
    Ok(Bytes::from(tile.repeat(rows / 16)))
}

fn matrix(ty: TensorType, stored: &Bytes) -> Result<Matrix, UnsupportedType> {
    let rows = stored.len() / ty.bytes_of(COLS).ok_or(UnsupportedType(ty))?;
    Matrix::new(rows, COLS, ty, stored.clone())
}

/// The median time of the products of matrices with `batch` rows; `before` is called before each time.
fn seconds(matrices: &[Matrix], batch: usize, before: impl Fn()) -> f64 {
    let x: Vec<f32> =
        (0..batch * COLS).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 500.0).collect();
    let (mut out, mut buffer) = (vec![0.0; batch * matrices[0].rows()], RowBuffer::new());
    let mut times: Vec<f64> = (0..=TIMES)
        .map(|_| {
            before();
            let start = Instant::now();
            for matrix in matrices {
                matrix.multiply(&mut buffer.rows(&x, COLS, Activations::Quantized), &mut out);
            }
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
