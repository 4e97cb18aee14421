//! Products of matrices.

use std::marker::PhantomData;

use ndarray::ArrayView2;

/// The block along K: inside it products are accumulated from zero by fused multiply-add in
/// ascending order; the blocks' sums are added to the output in ascending order.
pub(crate) const KC: usize = 256;

/// What the kernels need to know of an element type.
pub trait Element: Sized {}
impl Element for f32 {}
impl Element for f64 {}

/// A matrix with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    start: *const T,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    row_stride: isize,
    column_stride: isize,
    view: PhantomData<&'a [T]>,
}

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

    fn at(&self, row: usize, column: usize) -> T {
        assert!(row < self.rows && column < self.columns);
        // SAFETY: both indices are inside the view, so this is the address of an element.
        unsafe {
            *self
                .start
                .offset(row as isize * self.row_stride + column as isize * self.column_stride)
        }
    }
}

/// `out = a·b`, or `out += a·b` if `accumulate`; row i of `out` begins at `i * stride`.
pub(crate) fn gemm<T: crate::Float>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    for i in 0..a.rows {
        let row = &mut out[i * stride..][..b.columns];
        if !accumulate {
            row.fill(T::ZERO);
        }
        for k0 in (0..a.columns).step_by(KC) {
            let mut sum = vec![T::ZERO; b.columns];
            for k in k0..(k0 + KC).min(a.columns) {
                let x = a.at(i, k);
                for (j, s) in sum.iter_mut().enumerate() {
                    *s = x.mul_add(b.at(k, j), *s);
                }
            }
            for (o, s) in row.iter_mut().zip(&sum) {
                *o += *s;
            }
        }
    }
}
