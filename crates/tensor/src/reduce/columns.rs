//! Outputs that lie side by side: rows of terms joined to rows.

use std::ops::Range;

use ndarray::ArrayViewD;

use super::{Fold, tree};
use crate::simd::out::{self, CHUNK, Memory, Out, PARALLEL};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run};
use crate::sum::{BLOCK, LANES};
use crate::{Float, pool};

/// How many outputs lie side by side in memory, closer than any output's own terms: 1 if none do.
pub(super) fn side_by_side<T>(view: &ArrayViewD<'_, T>, kept: usize) -> usize {
    let axes = || view.shape().iter().zip(view.strides()).map(|(&n, &stride)| (n, stride));
    let step = axes().skip(kept).filter(|&(n, _)| n > 1).map(|(_, s)| s.unsigned_abs()).min();
    let mut columns = 1;
    let mut expected = None;
    for axis in (0..kept).rev() {
        let (n, stride) = (view.shape()[axis], view.strides()[axis]);
        let near = match expected {
            None => step.is_some_and(|step| stride.unsigned_abs() < step),
            Some(expected) => stride == expected,
        };
        if n == 1 {
            continue;
        }
        if !near {
            break;
        }
        columns *= n;
        expected = Some(stride * n as isize);
    }
    columns
}

/// Rows of `columns` outputs each, joined row by row; `view` is [kept .., reduced ..].
pub(super) fn reduce_columns<'m, T: Float, F: Fold<T>>(
    f: F,
    view: &ArrayViewD<'_, T>,
    kept: usize,
    columns: usize,
    terms: usize,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    // From [outer .., columns .., reduced ..] to [outer .., reduced .., columns ..].
    let (mut outer_axes, mut trailing) = (kept, 1);
    while trailing < columns {
        outer_axes -= 1;
        trailing *= view.shape()[outer_axes];
    }
    let order = (0..outer_axes).chain(kept..view.ndim()).chain(outer_axes..kept);
    let x = &Strided::in_order(view, order);
    let blocks = terms.div_ceil(BLOCK).max(1);
    if blocks == 1 {
        return fold_blocks(f, x, columns, terms, memory);
    }
    // Each block's result for each column: [outer, blocks, columns].
    let outputs = memory.len();
    let parts = out::fresh(outputs * blocks, |memory| fold_blocks(f, x, columns, terms, memory));
    let part = |outer: usize, block: usize, j: usize| parts[(outer * blocks + block) * columns + j];
    let column = |o: usize| tree(f, (0..blocks).map(|block| part(o / columns, block, o % columns)));
    let result = memory.fill(CHUNK, |start, out| {
        for o in start..start + out.len() {
            out.copy(&[column(o)]);
        }
    });
    pool::give_back(parts);
    result
}

/// Each block of rows of `columns` elements as one row; `x` is [.., `terms`, `columns`].
fn fold_blocks<'m, T: Float, F: Fold<T>>(
    f: F,
    x: &Strided<'_, T>,
    columns: usize,
    terms: usize,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let blocks = terms.div_ceil(BLOCK).max(1);
    // The lanes of so many columns stay in the second cache, the fewer the less is left to share.
    let width = match columns {
        0..=16 => 16,
        17..=64 => 64,
        65..=512 => 128,
        _ => 512,
    };
    let block = |row: usize, first_column: usize, out: &mut Out<T>| {
        let (outer, block) = (row / blocks, row % blocks);
        let rows = block * BLOCK..((block + 1) * BLOCK).min(terms);
        let first = outer * terms * columns + first_column;
        match width {
            16 => run(ColumnFold::<T, F, 16> { f, x, first, columns, rows, out }),
            64 => run(ColumnFold::<T, F, 64> { f, x, first, columns, rows, out }),
            128 => run(ColumnFold::<T, F, 128> { f, x, first, columns, rows, out }),
            _ => run(ColumnFold::<T, F, 512> { f, x, first, columns, rows, out }),
        }
    };
    let parallel = memory.len() / blocks * terms > PARALLEL;
    let rows_at_a_time = (CHUNK / (terms.min(BLOCK) * columns).max(1)).max(1);
    memory.fill_parts(rows_at_a_time * columns, parallel, |index, out| {
        let rows = out.len() / columns;
        let wide = parallel && rows == 1 && terms.min(BLOCK) * columns > PARALLEL;
        for row in index * rows_at_a_time..index * rows_at_a_time + rows {
            out.write(columns, |memory| {
                memory.fill_parts(width, wide, |index, out| block(row, index * width, out))
            });
        }
    })
}

/// Elements `start..start + width` of `x`, which is `dense` if that is given: a few rows of a small array should
/// not cost more to find than to add.
#[inline(always)]
fn part<'b, 'a: 'b, T: Float>(
    x: &Strided<'a, T>,
    dense: Option<&'a [T]>,
    start: usize,
    width: usize,
    buffer: &'b mut [T],
) -> &'b [T] {
    match dense {
        Some(x) => &x[start..start + width],
        None => x.get(start, width, buffer),
    }
}

/// One block of rows, for up to `W` columns.
struct ColumnFold<'a, 'o, T, F, const W: usize> {
    f: F,
    x: &'a Strided<'a, T>,
    /// Element (row, j) of these columns is number `first + row * columns + j`.
    first: usize,
    columns: usize,
    rows: Range<usize>,
    out: &'a mut Out<'o, T>,
}

impl<T: Float, F: Fold<T>, const W: usize> Kernel for ColumnFold<'_, '_, T, F, W> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let ColumnFold { f, x, first, columns, rows, out } = self;
        let mut buffers = [[T::ZERO; W]; 4];
        let dense = x.contiguous(0, x.len());
        let mut lanes = [[f.start(); W]; LANES];
        let width = out.len();
        let at = |row: usize| first + row * columns;
        let mut row = rows.start;
        // The next four rows of a lane at once: it is then read and written a quarter as often.
        while row + 4 * LANES <= rows.end {
            for (l, lane) in lanes.iter_mut().enumerate() {
                let [b0, b1, b2, b3] = &mut buffers;
                let x0 = part(x, dense, at(row + l), width, b0);
                let x1 = part(x, dense, at(row + l + LANES), width, b1);
                let x2 = part(x, dense, at(row + l + 2 * LANES), width, b2);
                let x3 = part(x, dense, at(row + l + 3 * LANES), width, b3);
                for j in 0..width {
                    let taken = f.take(f.take(lane[j], x0[j]), x1[j]);
                    lane[j] = f.take(f.take(taken, x2[j]), x3[j]);
                }
            }
            row += 4 * LANES;
        }
        while row < rows.end {
            let lane = &mut lanes[(row - rows.start) % LANES];
            for (lane, &x) in lane.iter_mut().zip(part(x, dense, at(row), width, &mut buffers[0])) {
                *lane = f.take(*lane, x);
            }
            row += 1;
        }
        for half in [8, 4, 2, 1] {
            let (left, right) = lanes.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                for (l, &r) in left[..width].iter_mut().zip(right.iter()) {
                    *l = f.join(*l, r);
                }
            }
        }
        out.copy(&lanes[0][..width]);
    }
}
