//! The operands and the output as addresses and strides.

use std::marker::PhantomData;

use ndarray::{ArrayView2, ArrayViewD};

/// A matrix with any strides.
#[derive(Debug)]
pub(crate) struct Matrix<'a, T> {
    pub(super) start: *const T,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: isize,
    pub(super) column_stride: isize,
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

    /// The last two axes of a view, at the beginning of those before.
    #[track_caller]
    pub(crate) fn last_axes(view: &ArrayViewD<'a, T>) -> Self {
        let (shape, strides) = (view.shape(), view.strides());
        let ([.., rows, columns], [.., row_stride, column_stride]) = (shape, strides) else {
            panic!("an array of shape {shape:?} is no matrix");
        };
        Matrix {
            // (Where there are no elements, nothing is read from there.)
            start: view.as_ptr(),
            rows: *rows,
            columns: *columns,
            row_stride: *row_stride,
            column_stride: *column_stride,
            view: PhantomData,
        }
    }

    /// Where an element is. (The address of one that does not exist must not be read.)
    #[inline(always)]
    pub(super) fn address(self, row: usize, column: usize) -> *const T {
        let offset = row as isize * self.row_stride + column as isize * self.column_stride;
        self.start.wrapping_offset(offset)
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

    /// The elements of some rows and columns.
    pub(super) fn part(self, row: usize, rows: usize, column: usize, columns: usize) -> Self {
        assert!(row + rows <= self.rows && column + columns <= self.columns);
        // An empty part may begin past the last element; nothing is read there.
        Matrix { start: self.address(row, column), rows, columns, ..self }
    }
}

/// Where the product goes: element (i, j) is at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Target<T> {
    pub(super) start: *mut T,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

// SAFETY: the tasks that share a `Target` write disjoint elements (each its own rows and columns),
// inside the exclusive borrow that `gemm` holds.
unsafe impl<T: Send> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Target<T> {}

impl<T> Target<T> {
    pub(super) fn at(self, row: usize, column: usize) -> Self {
        let offset = row * self.row_stride + column * self.column_stride;
        Target { start: self.start.wrapping_add(offset), ..self }
    }
}
