//! A weight matrix in its stored format, and the product with rows of activations.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use rayon::prelude::*;

use super::format::Format;
use super::kernels::{Fill, Isa, Reading, Scratch, Tiles, fill_columns};
use super::rows::{RowBuffer, Rows};
use super::tensor_type::TensorType;
use super::tile::TILE;
use crate::bytes::Bytes;
use crate::error::InferError;
use crate::pages::Pages;

/// How activations take part in a product with quantized weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// Each block of 32 activations is rounded to 8-bit integers with an f32 scale (to 16 bits for
    /// a [`Matrix::with_fine_activations`]), and the product is integer arithmetic within blocks:
    /// fast. With weights in BF16 activations are rounded to bf16; with F16 and F32 they stay f32.
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

/// A weight `W` of shape `[rows, cols]` = `[out, in]` in its stored format, repacked in tiles of 16
/// rows. Clones share the memory.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Activations, Bytes, Matrix, TensorType, quantize};
///
/// // Two rows: ones, and 0, 1, ... 31.
/// let w: Vec<f32> = (0..64).map(|i| if i < 32 { 1.0 } else { i as f32 - 32.0 }).collect();
/// let ty = TensorType::Q8_0;
/// let matrix = Matrix::new(2, 32, ty, Bytes::from(quantize(ty, &w)?))?;
///
/// let (x, mut out) = ([1.0; 32], [0.0; 2]);
/// matrix.matmul(&x, &mut out, Activations::Quantized);
/// assert!((out[0] - 32.0).abs() < 0.01 && (out[1] - 496.0).abs() < 1.0);
/// # Ok::<(), ulp_infer::UnsupportedType>(())
/// ```
#[derive(Clone)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    format: &'static Format,
    /// Tiles of 16 rows, the last one padded with zeros.
    tiles: Bytes,
    /// Activations are rounded to 16 bits rather than 8.
    fine: bool,
}

impl Matrix {
    /// A matrix made of stored bytes, row after row. They are repacked by all threads, and what
    /// they occupied is given back to the system if it was mapped from a file. Numbers of BF16 below 2^-56
    /// become 0.
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
        Matrix::reordered(rows, cols, ty, data, &|row| row)
    }

    /// The same, with stored row `stored(i)` as row i.
    ///
    /// # Errors
    ///
    /// As [`Matrix::new`].
    ///
    /// # Panics
    ///
    /// As [`Matrix::new`], and when there is no such stored row.
    #[track_caller]
    pub(crate) fn reordered(
        rows: usize,
        cols: usize,
        ty: TensorType,
        data: Bytes,
        stored: &(dyn Fn(usize) -> usize + Sync),
    ) -> Result<Self, UnsupportedType> {
        let format = Format::of(ty).ok_or(UnsupportedType(ty))?;
        assert!(
            ty.bytes_of(cols).and_then(|row| row.checked_mul(rows)) == Some(data.len()),
            "a {ty} matrix of shape [{rows}, {cols}] is not {} bytes",
            data.len()
        );
        let row_bytes = data.len() / rows.max(1);
        let mut pages = Pages::zeroed(rows.div_ceil(TILE) * TILE * row_bytes);
        if row_bytes > 0 {
            pages.par_chunks_mut(TILE * row_bytes).enumerate().for_each(|(index, tile)| {
                let first = index * TILE;
                let count = TILE.min(rows - first);
                let mut lanes = [&data[..0]; TILE];
                for (lane, row) in lanes[..count].iter_mut().zip(first..) {
                    *lane = &data[stored(row) * row_bytes..][..row_bytes];
                }
                format.layout.pack(&lanes[..count], tile);
                if let Some(settle) = format.settle {
                    settle(tile);
                }
            });
        }
        data.release();
        Ok(Matrix { rows, cols, format, tiles: Bytes::from(pages), fine: false })
    }

    /// Bytes that such a matrix takes in memory: its file's, with rows filled up to whole tiles.
    pub(crate) fn resident_bytes(rows: usize, cols: usize, ty: TensorType) -> usize {
        rows.next_multiple_of(TILE).saturating_mul(ty.bytes_of(cols).unwrap_or(0))
    }

    /// The same matrix, for whose products activations are rounded to 16 bits rather than 8 (each
    /// block of 32 in two steps: rounded to 8 bits, then the rest to 8 bits).
    ///
    /// It costs twice the multiplications, but no more reading of weights. For matrices through
    /// which errors spread far and that are small or seldom meet many rows: a language model's
    /// projections to keys and values, and to logits.
    pub fn with_fine_activations(self) -> Self {
        Matrix { fine: true, ..self }
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
        let tile_bytes = self.tile_bytes();
        let tile = &self.tiles[index / TILE * tile_bytes..][..tile_bytes];
        let mut row = vec![0; tile_bytes / TILE];
        self.format.layout.unpack_row(tile, index % TILE, &mut row);
        self.format.dequantize_blocks(&row, out);
    }

    /// `out[b, o] = sum over i of x[b, i] * W[o, i]`, that is `out = x Wᵀ`.
    ///
    /// The bits of a row of `out` depend on its row of `x` and on the weights alone: not on the
    /// other rows, the number of threads or the instruction set.
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
        thread_local! {
            static BUFFER: Cell<RowBuffer> = Cell::default();
        }
        // The buffer is taken, not borrowed: while this thread waits for others, it may run another
        // product.
        let mut buffer = BUFFER.take();
        self.multiply(&mut buffer.rows(x, self.cols, activations), out);
        BUFFER.set(buffer);
    }

    /// [`Matrix::matmul`] with rows that other matrices are multiplied with too.
    ///
    /// # Panics
    ///
    /// When `x` has other rows than `cols` wide, or `out` is not a row for each.
    #[track_caller]
    pub fn multiply(&self, x: &mut Rows<'_>, out: &mut [f32]) {
        self.multiply_on((Isa::detect(), Reading::detect()), x, out);
    }

    #[track_caller]
    pub(super) fn multiply_on(&self, how: (Isa, Reading), x: &mut Rows<'_>, out: &mut [f32]) {
        multiply_all_on(how, x, [(self, out)]);
    }

    /// Panics unless `x` and `out` are as wide as the matrix and have as many rows.
    #[track_caller]
    fn assert_fits(&self, x: &Rows<'_>, out: &[f32]) {
        let (batch, shape) = (x.batch(), [self.rows, self.cols]);
        assert!(
            x.cols() == self.cols && out.len() == batch * self.rows,
            "activations {:?} times a matrix {shape:?} into {} outputs",
            [batch, x.cols()],
            out.len()
        );
    }

    /// Makes the products of a range of tiles with the rows, rounded if they are, in the scratch.
    fn make_product(
        &self,
        (isa, reading): (Isa, Reading),
        x: &Rows<'_>,
        tiles: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let (count, tile_bytes) = (tiles.len(), self.tile_bytes());
        let bytes = &self.tiles[tiles.start * tile_bytes..tiles.end * tile_bytes];
        let tiles = Tiles { bytes, tile_bytes, reading };
        match (self.format.quantized, self.format.bf16.zip(x.bf16())) {
            (Some(quantized), _) if x.are_rounded() => {
                let rounded = x.rounded(self.fine);
                scratch.start(count, rounded.batch());
                quantized(isa, tiles, rounded, scratch);
                if self.fine {
                    scratch.add_second_rows(count);
                }
            }
            (_, Some((bf16, rounded))) => {
                scratch.start(count, x.batch());
                bf16(isa, tiles, rounded, scratch);
            }
            _ => {
                scratch.start(count, x.batch());
                let (x, stride) = x.exact();
                (self.format.exact)(isa, tiles, x, stride, scratch);
            }
        }
    }

    /// Tiles that a task works on side by side with `rows` rows.
    fn together(&self, isa: Isa, rows: usize) -> usize {
        /// Numbers without blocks, whose sums alone wait for themselves.
        const PLAIN: usize = 4;
        if self.format.quantized.is_some() { isa.together(rows) } else { PLAIN }
    }

    fn tile_bytes(&self) -> usize {
        match self.rows {
            0 => 0,
            rows => self.tiles.len() / rows.div_ceil(TILE),
        }
    }
}

/// [`Matrix::multiply`] of several matrices with the same rows, as one piece of work for all threads.
///
/// # Panics
///
/// As [`Matrix::multiply`].
#[track_caller]
pub(crate) fn multiply_all<const N: usize>(x: &mut Rows<'_>, products: [(&Matrix, &mut [f32]); N]) {
    multiply_all_on((Isa::detect(), Reading::detect()), x, products);
}

#[track_caller]
fn multiply_all_on<const N: usize>(
    how: (Isa, Reading),
    x: &mut Rows<'_>,
    products: [(&Matrix, &mut [f32]); N],
) {
    for (matrix, out) in &products {
        matrix.assert_fits(x, out);
        if matrix.format.quantized.is_some() {
            x.round(how.0, matrix.fine);
        }
        if matrix.format.bf16.is_some() {
            x.round_to_bf16(how);
        }
        if x.are_exact() || !matrix.format.rounds_activations() {
            x.spread();
        }
    }
    let (x, batch) = (&*x, x.batch());
    if batch == 0 || x.cols() == 0 {
        products.into_iter().for_each(|(_, out)| out.fill(0.0));
        return;
    }
    fill_columns(&products.map(|(matrix, out)| {
        let rows = batch << usize::from(matrix.fine);
        let (group, work) = (matrix.together(how.0, rows), rows * matrix.tiles.len());
        Fill::new(out, batch, group, work, move |tiles: Range<usize>, scratch: &mut Scratch| {
            matrix.make_product(how, x, tiles, scratch);
        })
    }));
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} [{}, {}])", self.format.ty, self.rows, self.cols)
    }
}
