//! A matrix times one column, where the elements of a row of the matrix lie side by side.
//!
//! The general way packs the matrix so that a register takes one step along K for many rows. Each
//! element is used once here, so that packing would cost more than the product; instead small squares
//! are turned in registers. The order along K, and so every bit, is the one of the general way.

use super::matrix::{Matrix, Target};
use super::pack::Scratch;
use super::tile::Element;
use super::{KC, PARALLEL};
use crate::simd::{Isa, share};

/// The rows that a kernel works on at a time, at most: two registers of the narrowest type.
pub(crate) const ROWS: usize = 32;

/// The bytes of the matrix that a task reads, about.
const TASK_BYTES: usize = 256 << 10;

/// Adds one block along K: `(rows, k, a, row_stride, x, sums)`. Entry r of `sums` becomes the sum
/// over k steps of `a[r, step] * x[step]`, in ascending order, fused, from zero.
pub(crate) type Run<T> = unsafe fn(usize, usize, *const T, isize, *const T, &mut [T; ROWS]);

/// The kernel of one instruction set and element type.
#[derive(Clone, Copy)]
pub(crate) struct ColumnKernel<T: 'static> {
    /// The rows it works on at a time.
    pub(crate) rows: usize,
    pub(crate) run: Run<T>,
}

/// `target (+)= a · x`, with a kernel that turns squares in registers. Without such a kernel, or for
/// another layout, nothing is done and the answer is no.
pub(super) fn multiply<T: Element>(
    isa: Isa,
    a: Matrix<'_, T>,
    x: Matrix<'_, T>,
    target: Target<T>,
    accumulate: bool,
) -> bool {
    let Some(kernel) = T::column(isa) else { return false };
    if x.columns != 1 || (a.column_stride != 1 && a.columns > 1) {
        return false;
    }
    let (m, k) = (a.rows, a.columns);
    let mut scratch = Scratch::default();
    let x = side_by_side(x, &mut scratch);
    let rows = (TASK_BYTES / (k * size_of::<T>())).max(1).next_multiple_of(kernel.rows);
    share::for_each(m.div_ceil(rows), m * k > PARALLEL, |task| {
        let (start, end) = (task * rows, m.min((task + 1) * rows));
        for i in (start..end).step_by(kernel.rows) {
            let rows = kernel.rows.min(end - i);
            group(&kernel, a.part(i, rows, 0, k), x, target.at(i, 0), accumulate);
        }
    });
    true
}

/// The elements of a column, copied if they lie apart.
fn side_by_side<'a, T: Element>(x: Matrix<'a, T>, scratch: &'a mut Scratch) -> &'a [T] {
    if x.row_stride == 1 || x.rows == 1 {
        // SAFETY: with a stride of 1 the column is a slice, borrowed as the matrix is.
        return unsafe { std::slice::from_raw_parts(x.start, x.rows) };
    }
    let copy = scratch.slice(x.rows);
    for (i, copy) in copy.iter_mut().enumerate() {
        // SAFETY: row i is inside the matrix.
        *copy = unsafe { *x.start.offset(i as isize * x.row_stride) };
    }
    copy
}

/// The rows of `a`, at most a kernel's.
fn group<T: Element>(
    kernel: &ColumnKernel<T>,
    a: Matrix<'_, T>,
    x: &[T],
    target: Target<T>,
    accumulate: bool,
) {
    let mut sums = [T::default(); ROWS];
    for k0 in (0..a.columns).step_by(KC) {
        let kc = KC.min(a.columns - k0);
        let block = a.part(0, a.rows, k0, kc);
        // SAFETY: the block is readable, as is this part of x; that the kernel was handed out proves
        // the instruction set.
        unsafe {
            (kernel.run)(a.rows, kc, block.start, a.row_stride, x[k0..k0 + kc].as_ptr(), &mut sums);
        }
        for (r, &sum) in sums[..a.rows].iter().enumerate() {
            let out = target.at(r, 0).start;
            // SAFETY: these rows of the target are this task's, inside the output; what is read was
            // there before or written by the block before.
            unsafe { *out = if k0 > 0 || accumulate { *out + sum } else { sum } };
        }
    }
}

/// Defines the kernel `$kernel` of one instruction set. A register holds `$lanes` squares of `$width`
/// rows and columns: `$gather` reads one row of each, `$turn` makes columns of their rows.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
macro_rules! column_kernel {
    (
        $kernel:ident, $group:ident, $features:literal, $t:ty,
        [$width:literal, $lanes:literal], $gather:ident, $turn:ident,
        $zero:ident, $load:ident, $store:ident, $set1:ident, $fmadd:ident
    ) => {
        /// Two registers of rows.
        pub(crate) const $kernel: crate::simd::gemm::column::ColumnKernel<$t> =
            crate::simd::gemm::column::ColumnKernel {
                rows: 2 * $width * $lanes,
                run: {
                    #[target_feature(enable = $features)]
                    unsafe fn run(
                        rows: usize,
                        k: usize,
                        a: *const $t,
                        row_stride: isize,
                        x: *const $t,
                        sums: &mut [$t; crate::simd::gemm::column::ROWS],
                    ) {
                        const HALF: usize = $width * $lanes;
                        // SAFETY: passed on to the caller.
                        unsafe {
                            if rows > HALF {
                                $group::<2>(rows, k, a, row_stride, x, sums);
                            } else {
                                $group::<1>(rows, k, a, row_stride, x, sums);
                            }
                        }
                    }
                    run
                },
            };

        /// `G` registers of rows. Missing rows are read as the last one.
        #[target_feature(enable = $features)]
        unsafe fn $group<const G: usize>(
            rows: usize,
            k: usize,
            a: *const $t,
            row_stride: isize,
            x: *const $t,
            out: &mut [$t; crate::simd::gemm::column::ROWS],
        ) {
            const WIDTH: usize = $width;
            const ROWS: usize = $width * $lanes;
            // The columns that are read of one register's rows before the next one's: a cache line.
            const LINE: usize = 64 / size_of::<$t>();
            let row = |r: usize| a.wrapping_offset(r.min(rows - 1) as isize * row_stride);
            let mut sums = [$zero(); G];
            let whole = k / WIDTH * WIDTH;
            for line in (0..whole).step_by(LINE) {
                for (g, sum) in sums.iter_mut().enumerate() {
                    for step in (line..whole.min(line + LINE)).step_by(WIDTH) {
                        // SAFETY: the caller promises that each row has k elements, and x.
                        unsafe {
                            let mut squares = [$zero(); WIDTH];
                            for (j, square) in squares.iter_mut().enumerate() {
                                let first = g * ROWS + j;
                                let mut lanes = [a; $lanes];
                                for (lane, from) in lanes.iter_mut().enumerate() {
                                    *from = row(first + lane * WIDTH).add(step);
                                }
                                *square = $gather(lanes);
                            }
                            for (c, column) in $turn(squares).into_iter().enumerate() {
                                *sum = $fmadd(column, $set1(*x.add(step + c)), *sum);
                            }
                        }
                    }
                }
            }
            for step in whole..k {
                for (g, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: as above.
                    unsafe {
                        let mut column = [0.0; ROWS];
                        for (r, x) in column.iter_mut().enumerate() {
                            *x = *row(g * ROWS + r).add(step);
                        }
                        *sum = $fmadd($load(column.as_ptr()), $set1(*x.add(step)), *sum);
                    }
                }
            }
            for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(ROWS)) {
                // SAFETY: the chunk has a register's elements.
                unsafe { $store(out.as_mut_ptr(), sum) };
            }
        }
    };
}
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
pub(crate) use column_kernel;
