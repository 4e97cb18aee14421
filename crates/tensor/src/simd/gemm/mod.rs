//! Products of matrices.
//!
//! The output is cut into tiles of a few rows by two registers, whose sums stay in registers while
//! K runs over one block (Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", ACM TOMS 34, 2008). Operands are packed into panels in the order in which a
//! tile reads them, so any strides cost the same; where packing would not pay, the tile reads them
//! in place.
//!
//! Which tile an element falls into, and on which thread, has no effect on its bits: its products
//! are added along K in ascending order by fused multiply-add, from zero inside each block of
//! [`KC`]; the blocks' sums are added to the output in ascending order.

mod pack;
pub(crate) mod tile;

use std::marker::PhantomData;

use ndarray::ArrayView2;
use rayon::prelude::*;

use self::pack::{Scratch, pack};
pub use self::tile::Element;
use self::tile::Tile;
use super::Isa;
use crate::{Float, pool};

/// The block along K.
pub(crate) const KC: usize = 256;

/// The columns of `b` that are packed at a time (they stay in the last cache).
const NC: usize = 4096;

/// The bytes of `a` that are packed at a time (they stay in the second cache).
const A_BYTES: usize = 192 * 1024;

/// Below this many multiplications one thread is faster than waking others.
const PARALLEL: usize = 1 << 18;

/// A matrix with any strides.
#[derive(Debug)]
pub(crate) struct Matrix<'a, T> {
    start: *const T,
    rows: usize,
    columns: usize,
    row_stride: isize,
    column_stride: isize,
    view: PhantomData<&'a [T]>,
}

impl<T> Clone for Matrix<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Matrix<'_, T> {}

// SAFETY: a `Matrix` only reads through the shared borrow it was made from.
unsafe impl<T: Sync> Send for Matrix<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Matrix<'_, T> {}

impl<'a, T: Copy> Matrix<'a, T> {
    pub(crate) fn new(view: &ArrayView2<'a, T>) -> Self {
        let (rows, columns) = view.dim();
        let strides = view.strides();
        Matrix {
            start: view.as_ptr(),
            rows,
            columns,
            row_stride: strides[0],
            column_stride: strides[1],
            view: PhantomData,
        }
    }

    /// `rows` by `columns` elements of a slice, row after row.
    #[track_caller]
    pub(crate) fn from_slice(x: &'a [T], rows: usize, columns: usize) -> Self {
        assert!(x.len() >= rows * columns, "{rows} x {columns} of {} elements", x.len());
        Matrix {
            start: x.as_ptr(),
            rows,
            columns,
            row_stride: columns as isize,
            column_stride: 1,
            view: PhantomData,
        }
    }

    /// The number of rows.
    pub(crate) fn height(self) -> usize {
        self.rows
    }

    /// The same elements, rows and columns exchanged.
    pub(crate) fn t(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// The rows `start..start + rows`.
    pub(crate) fn rows(self, start: usize, rows: usize) -> Self {
        self.part(start, rows, 0, self.columns)
    }

    fn part(self, row: usize, rows: usize, column: usize, columns: usize) -> Self {
        assert!(row + rows <= self.rows && column + columns <= self.columns);
        let offset = row as isize * self.row_stride + column as isize * self.column_stride;
        // An empty part may begin past the last element; nothing is read there.
        let start = self.start.wrapping_offset(offset);
        Matrix { start, rows, columns, ..self }
    }
}

/// Where the product goes: element (i, j) is at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
struct Target<T> {
    start: *mut T,
    row_stride: usize,
    column_stride: usize,
}

// SAFETY: the tasks that share a `Target` write disjoint elements (each its own rows and columns),
// inside the exclusive borrow that `gemm` holds.
unsafe impl<T: Send> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Target<T> {}

impl<T> Target<T> {
    fn at(self, row: usize, column: usize) -> Self {
        let offset = row * self.row_stride + column * self.column_stride;
        Target { start: self.start.wrapping_add(offset), ..self }
    }
}

/// `out = a·b`, or `out += a·b` if `accumulate`; row i of `out` begins at `i * stride`.
#[track_caller]
pub(crate) fn gemm<T: Element>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    gemm_on(Isa::best(), a, b, out, stride, accumulate);
}

/// `a·b` in fresh memory, row after row.
#[track_caller]
pub(crate) fn product_of<T: Float>(a: Matrix<'_, T>, b: Matrix<'_, T>) -> Vec<T> {
    let (m, n) = (a.rows, b.columns);
    let len = m.checked_mul(n).expect("the product fits into memory");
    let mut out = pool::memory(len);
    if a.columns == 0 {
        out.resize(len, T::ZERO);
        return out;
    }
    gemm_at(Isa::best(), a, b, out.as_mut_ptr(), n, false);
    // SAFETY: `gemm_at` has written each of the m by n elements (the first block along K, which
    // exists, is stored, not added).
    unsafe { out.set_len(len) };
    out
}

/// [`gemm`] on the given instruction set.
#[track_caller]
fn gemm_on<T: Element>(
    isa: Isa,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows, "a is {m} x {k}, b is {} x {n}", b.rows);
    if m == 0 || n == 0 {
        return;
    }
    let needed = (m - 1).checked_mul(stride).and_then(|x| x.checked_add(n));
    assert!(stride >= n && needed.is_some_and(|needed| needed <= out.len()), "out is too short");
    if k == 0 {
        if !accumulate {
            out.chunks_mut(stride).take(m).for_each(|row| row[..n].fill(T::default()));
        }
        return;
    }
    gemm_at(isa, a, b, out.as_mut_ptr(), stride, accumulate);
}

/// [`gemm`] at an address that holds the output; K is not 0.
#[track_caller]
fn gemm_at<T: Element>(
    isa: Isa,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: *mut T,
    stride: usize,
    accumulate: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows, "a is {m} x {k}, b is {} x {n}", b.rows);
    let tile = T::tile(isa);
    let target = Target { start: out, row_stride: stride, column_stride: 1 };
    // A tile is wide in columns. A product with few columns and more rows is made as its
    // transpose: bᵀ·aᵀ adds the same products in the same order.
    if n < tile.columns && m > n {
        let target = Target { row_stride: 1, column_stride: stride, ..target };
        product(tile, b.t(), a.t(), target, accumulate);
    } else {
        product(tile, a, b, target, accumulate);
    }
}

fn product<T: Element>(
    tile: Tile<T>,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    target: Target<T>,
    accumulate: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if m == 0 || n == 0 {
        return;
    }
    let threads = rayon::current_num_threads();
    let parallel = threads > 1 && m * n * k > PARALLEL;
    let in_place = reads_in_place(&tile, &b, m);
    let mut packed = Scratch::take();
    for j0 in (0..n).step_by(NC) {
        let nc = NC.min(n - j0);
        for k0 in (0..k).step_by(KC) {
            let kc = KC.min(k - k0);
            let b = b.part(k0, kc, j0, nc);
            let panels = Panels {
                tile,
                b,
                packed: packed.slice(nc.div_ceil(tile.columns) * tile.columns * kc).as_mut_ptr(),
                whole: if in_place { nc / tile.columns } else { 0 },
            };
            panels.pack(parallel);
            let plan = Plan::new(&tile, m, nc, if parallel { threads } else { 1 });
            let block = |index: usize| {
                let (i, rows, j, columns) = plan.block(index);
                let a = a.part(i, rows, k0, kc);
                panels.multiply(a, j, columns, target.at(i, j0 + j), accumulate || k0 > 0);
            };
            if parallel {
                (0..plan.blocks()).into_par_iter().for_each(block);
            } else {
                (0..plan.blocks()).for_each(block);
            }
        }
    }
}

/// Does a tile read `b` where it lies? Its rows must be side by side, and each element be used by
/// so few tiles that packing would not pay, or all of it lie in the first cache.
fn reads_in_place<T>(tile: &Tile<T>, b: &Matrix<'_, T>, m: usize) -> bool {
    b.column_stride == 1
        && b.row_stride >= 0
        && (m <= 2 * tile.rows || b.rows * b.columns * size_of::<T>() <= 16 * 1024)
}

/// How an output of `m` by `n` is cut into blocks that one thread makes at a time.
struct Plan {
    m: usize,
    n: usize,
    mc: usize,
    nc: usize,
}

impl Plan {
    fn new<T>(tile: &Tile<T>, m: usize, n: usize, threads: usize) -> Self {
        let most = A_BYTES / (KC * size_of::<T>()) / tile.rows * tile.rows;
        // Four blocks a thread level out what threads do not share evenly.
        let tasks = if threads > 1 { 4 * threads } else { 1 };
        let mc = m.div_ceil(tasks).next_multiple_of(tile.rows).clamp(4 * tile.rows, most);
        let rows = m.div_ceil(mc);
        let columns = tasks.div_ceil(rows);
        let nc = n.div_ceil(columns).next_multiple_of(tile.columns).max(4 * tile.columns);
        Plan { m, n, mc, nc }
    }

    fn blocks(&self) -> usize {
        self.m.div_ceil(self.mc) * self.n.div_ceil(self.nc)
    }

    /// First row, rows, first column, columns.
    fn block(&self, index: usize) -> (usize, usize, usize, usize) {
        let across = self.n.div_ceil(self.nc);
        let (i, j) = (index / across * self.mc, index % across * self.nc);
        (i, self.mc.min(self.m - i), j, self.nc.min(self.n - j))
    }
}

/// One block of `b` along K, in panels of a tile's columns.
struct Panels<'a, T: 'static> {
    tile: Tile<T>,
    b: Matrix<'a, T>,
    packed: *mut T,
    /// The number of panels that are read in place.
    whole: usize,
}

// SAFETY: `packed` is exclusively this struct's; panels are written by one task each, and read
// only after all are written.
unsafe impl<T: Send + Sync + 'static> Sync for Panels<'_, T> {}

impl<T: Element> Panels<'_, T> {
    fn pack(&self, parallel: bool) {
        let Matrix { rows: kc, columns: n, .. } = self.b;
        let width = self.tile.columns;
        let panel = |index: usize| {
            let j = index * width;
            let source = self.b.part(0, kc, j, width.min(n - j)).t();
            // SAFETY: the buffer holds all panels, and this one is written by this call only.
            let out =
                unsafe { std::slice::from_raw_parts_mut(self.packed.add(j * kc), kc * width) };
            pack(source, width, out);
        };
        let all = self.whole..n.div_ceil(width);
        if parallel {
            all.into_par_iter().with_min_len(8).for_each(panel);
        } else {
            all.for_each(panel);
        }
    }

    /// `target (+)= a · b[.., first..first + columns]`; `first` is a multiple of a tile's columns.
    fn multiply(
        &self,
        a: Matrix<'_, T>,
        first: usize,
        columns: usize,
        target: Target<T>,
        accumulate: bool,
    ) {
        let Tile { rows: mr, columns: nr, .. } = self.tile;
        let kc = a.columns;
        let mut scratch = Scratch::take();
        let direct = columns <= 2 * nr || (a.column_stride == 1 && columns <= 8 * nr);
        let packed = scratch.slice(if direct { 0 } else { a.rows.next_multiple_of(mr) * kc });
        if !direct {
            for (index, out) in packed.chunks_mut(mr * kc).enumerate() {
                let i = index * mr;
                pack(a.part(i, mr.min(a.rows - i), 0, kc), mr, out);
            }
        }
        for j in (0..columns).step_by(nr) {
            let width = nr.min(columns - j);
            let (b, b_step) = self.panel((first + j) / nr);
            for i in (0..a.rows).step_by(mr) {
                let rows = mr.min(a.rows - i);
                let (a, a_row, a_step) = if direct {
                    (a.part(i, rows, 0, kc).start, a.row_stride, a.column_stride)
                } else {
                    (packed[i * kc..].as_ptr(), 1, mr as isize)
                };
                let c = target.at(i, j);
                if width == nr && c.column_stride == 1 {
                    // SAFETY: a and b hold `rows` and `nr` elements for each of kc steps (packed
                    // panels are padded); c is this task's, `rows` by `nr` elements inside `out`.
                    unsafe {
                        self.tile.run(
                            rows,
                            kc,
                            a,
                            a_row,
                            a_step,
                            b,
                            b_step,
                            c.start,
                            c.row_stride,
                            accumulate,
                        );
                    }
                } else {
                    let mut sums = [T::default(); tile::LARGEST];
                    // SAFETY: as above; `sums` holds any tile.
                    unsafe {
                        self.tile.run(
                            rows,
                            kc,
                            a,
                            a_row,
                            a_step,
                            b,
                            b_step,
                            sums.as_mut_ptr(),
                            nr,
                            false,
                        );
                    }
                    for r in 0..rows {
                        for s in 0..width {
                            // SAFETY: row r and column s of this task's part of `out`.
                            unsafe {
                                let c = c.start.add(r * c.row_stride + s * c.column_stride);
                                let sum = sums[r * nr + s];
                                *c = if accumulate { *c + sum } else { sum };
                            }
                        }
                    }
                }
            }
        }
    }

    /// Where panel `index` begins, and the distance between its steps along K.
    fn panel(&self, index: usize) -> (*const T, isize) {
        let width = self.tile.columns;
        if index < self.whole {
            (self.b.part(0, self.b.rows, index * width, width).start, self.b.row_stride)
        } else {
            (self.packed.wrapping_add(index * width * self.b.rows), width as isize)
        }
    }
}

#[cfg(test)]
mod tests;
