//! Products so small that to plan, pack and share out would take longer than to multiply.

use std::hint::black_box;
use std::mem::MaybeUninit;

use super::matrix::{Matrix, Target};
use crate::Float;
use crate::simd::{Isa, Kernel};

/// The most columns: one or two registers.
const COLUMNS: usize = 16;

/// The longest sums.
const STEPS: usize = 32;

/// The rows whose sums are kept in registers at the same time.
const ROWS: usize = 4;

/// The most rows.
const MOST_ROWS: usize = 32;

/// `target (+)= a · b`, if that is small: else nothing is done and the answer is no.
///
/// # Safety
///
/// The target must be writable, and readable if `accumulate`; K is not 0.
pub(super) unsafe fn multiply<T: Float>(
    isa: Isa,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    target: Target<T>,
    accumulate: bool,
) -> bool {
    if a.columns > STEPS || a.rows > MOST_ROWS || b.columns > COLUMNS {
        return false;
    }
    isa.run(Small { a, b, target, accumulate });
    true
}

/// The promises of [`multiply`] hold.
struct Small<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    target: Target<T>,
    accumulate: bool,
}

impl<T: Float> Kernel for Small<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let b = self.b;
        // Rows of whole registers: where they lie, or copied, padded with zeros. What is past the last column
        // is multiplied and forgotten.
        if b.column_stride == 1 && b.columns == COLUMNS {
            return self.multiply(b.start, b.row_stride);
        }
        let mut rows = [const { MaybeUninit::<[T; COLUMNS]>::uninit() }; STEPS];
        pack(b, &mut rows);
        self.multiply(rows.as_ptr().cast(), COLUMNS as isize);
    }
}

impl<T: Float> Small<'_, T> {
    /// Row k of `b` begins at `b + k * stride` and has all columns.
    #[inline(always)]
    fn multiply(self, b: *const T, stride: isize) {
        if self.a.rows == 1 {
            return self.rows::<1>(0, b, stride);
        }
        for first in (0..self.a.rows).step_by(ROWS) {
            self.rows::<ROWS>(first, b, stride);
        }
    }

    /// Up to `H` rows of the product, from `first` on.
    #[inline(always)]
    fn rows<const H: usize>(&self, first: usize, b: *const T, stride: isize) {
        let &Small { a, target, accumulate, .. } = self;
        let height = H.min(a.rows - first);
        let mut sums = [[T::ZERO; COLUMNS]; H];
        for k in 0..a.columns {
            // SAFETY: row k of b is there, with all columns.
            let row = unsafe { &*b.offset(k as isize * stride).cast::<[T; COLUMNS]>() };
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the row, or the last one in place of one that is missing, and the column are
                // inside a.
                let x = unsafe { *a.address(first + r.min(height - 1), k) };
                for j in 0..COLUMNS {
                    sums[j] = x.mul_add(row[j], sums[j]);
                }
            }
        }
        // The sums go through memory, where they lie side by side: to places that are any step apart the
        // compiler would add them up one by one.
        let sums = black_box(sums);
        for (r, sums) in sums[..height].iter().enumerate() {
            for (j, &sum) in sums[..self.b.columns].iter().enumerate() {
                let place = target.at(first + r, j).start;
                // SAFETY: the element is inside the target, which is ours to write.
                unsafe { *place = if accumulate { *place + sum } else { sum } };
            }
        }
    }
}

/// Writes the rows of `b` (as many as it has), padded with zeros.
#[inline(always)]
fn pack<T: Float>(b: Matrix<'_, T>, rows: &mut [MaybeUninit<[T; COLUMNS]>; STEPS]) {
    let (steps, n) = (b.rows, b.columns);
    for row in &mut rows[..steps] {
        row.write([T::ZERO; COLUMNS]);
    }
    let to = rows.as_mut_ptr().cast::<T>();
    // Where the columns of b lie side by side, whole squares are turned in registers.
    let [steps_turned, n_turned] =
        if b.row_stride == 1 { [steps / 4 * 4, n / 4 * 4] } else { [0, 0] };
    for k in (0..steps_turned).step_by(4) {
        for j in (0..n_turned).step_by(4) {
            // SAFETY: the square lies inside b, and its place inside the rows.
            unsafe {
                let to = to.add(k * COLUMNS + j);
                T::turn_square(b.address(k, j), b.column_stride, to, COLUMNS);
            }
        }
    }
    for k in 0..steps {
        for j in if k < steps_turned { n_turned } else { 0 }..n {
            // SAFETY: as above, for one element.
            unsafe { *to.add(k * COLUMNS + j) = *b.address(k, j) };
        }
    }
}
