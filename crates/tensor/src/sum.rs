//! Sums and means along one fixed tree.
//!
//! The elements to be added are taken in logical order and cut into blocks of [`BLOCK`]. Inside a
//! block there are 16 running sums: lane j takes elements j, j + 16, j + 32, ... in ascending
//! order; the lanes are folded as `l[i] + l[i + 8]`, then `+ 4`, `+ 2`, `+ 1`. The blocks' sums are
//! added in pairs of neighbours, then pairs of pairs, and so on.
//!
//! The error of a sum of n terms is at most (BLOCK/16 + 4 + log2(n / BLOCK) + 1) · u · Σ|x|,
//! u = 2^-24 for `f32`, against n · u · Σ|x| for a sum from left to right (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, 2nd ed., section 4.2).

use ndarray::{ArrayD, ArrayViewD};

use crate::simd::out::{CHUNK, PARALLEL, collect};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run, share};
use crate::{Float, map};

/// The elements of a block of a sum.
pub(crate) const BLOCK: usize = 4096;

/// The lanes of a block.
pub(crate) const LANES: usize = 16;

/// The sum over `axes`, which are kept with length 1 if `keep`.
///
/// # Panics
///
/// If an axis is out of range or given twice.
///
/// # Accuracy
///
/// See `docs/numerics.md`: the error is at most (261 + log2(n / 4096)) · u · Σ|x| for n terms.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, sum};
///
/// let x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// assert_eq!(sum(x.view(), &[0], false), array![4.0, 6.0].into_dyn());
/// assert_eq!(sum(x.view(), &[0, 1], true), array![[10.0]].into_dyn());
/// ```
#[track_caller]
pub fn sum<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    let columns = columns(&x, axes);
    if columns > 1 {
        return sum_columns(x, axes, keep, columns);
    }
    let Reduction { view, shape, outputs, terms } = Reduction::new(x, axes, keep);
    let strided = Strided::new(&view);
    let data = if outputs == 1 {
        vec![sum_strided(&strided, 0, terms)]
    } else {
        let chunk = (CHUNK / terms.max(1)).max(1);
        let parallel_chunk = if outputs * terms <= PARALLEL { outputs } else { chunk };
        collect(outputs, parallel_chunk, |start, out| {
            for o in start..start + out.len() {
                out.copy(&[sum_strided(&strided, o * terms, terms)]);
            }
        })
    };
    map::shaped(&shape, data)
}

/// The mean over `axes`: the [`sum`] divided by the number of terms (NaN if there are none).
///
/// # Panics
///
/// If an axis is out of range or given twice.
#[track_caller]
pub fn mean<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    let terms: usize = axes.iter().map(|&axis| x.shape()[axis]).product();
    let mut result = sum(x, axes, keep);
    let terms = T::from_usize(terms);
    result.mapv_inplace(|sum| sum / terms);
    result
}

/// The sum of a slice along the fixed tree.
///
/// # Examples
///
/// ```
/// assert_eq!(ulp_tensor::sum_slice(&[1.0f32, 2.0, 3.0]), 6.0);
/// ```
pub fn sum_slice<T: Float>(x: &[T]) -> T {
    tree(x.chunks(BLOCK).map(|block| run(BlockSum(block))))
}

/// The product of the last axes, as far as they are kept: elements that lie side by side and go to
/// different outputs.
fn columns<T>(x: &ArrayViewD<'_, T>, axes: &[usize]) -> usize {
    let kept = (0..x.ndim()).rev().take_while(|i| !axes.contains(i));
    kept.map(|i| x.shape()[i]).product()
}

/// The columns that are summed at a time: 16 lanes of them stay in the first cache.
const WIDTH: usize = 128;

/// [`sum`] of an array whose last axes, `columns` elements, are kept: rows are added to rows, along
/// the same tree for each column.
#[track_caller]
fn sum_columns<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    columns: usize,
) -> ArrayD<T> {
    let Reduction { view, shape, outputs, terms } = Reduction::new(x, axes, keep);
    // From [kept .., columns, reduced ..] to [kept .., reduced .., columns].
    let ndim = view.ndim();
    let mut kept = ndim - axes.len();
    let mut trailing = 1;
    while trailing < columns {
        kept -= 1;
        trailing *= view.shape()[kept];
    }
    let order: Vec<usize> =
        (0..kept).chain(ndim - axes.len()..ndim).chain(kept..ndim - axes.len()).collect();
    let strided = Strided::new(&view.permuted_axes(order));
    let blocks = terms.div_ceil(BLOCK).max(1);
    // Each block's sums of each column: [outer, blocks, columns].
    let (outer, all) = (outputs / columns, terms);
    let mut sums = vec![T::ZERO; outer * blocks * columns];
    let parallel = outputs * terms > PARALLEL;
    share::chunks(&mut sums, columns, parallel, |row, sums| {
        let (outer, block) = (row / blocks, row % blocks);
        let terms = block * BLOCK..((block + 1) * BLOCK).min(all);
        let first = outer * all * columns;
        let parallel = terms.len() * columns > PARALLEL;
        share::chunks(sums, WIDTH, parallel, |index, sums| {
            let first = first + index * WIDTH;
            run(ColumnSum { x: &strided, first, columns, rows: terms.clone(), sums });
        });
    });
    if blocks == 1 {
        return map::shaped(&shape, sums);
    }
    let data = (0..outputs)
        .map(|o| {
            let (outer, j) = (o / columns, o % columns);
            tree((0..blocks).map(|block| sums[(outer * blocks + block) * columns + j]))
        })
        .collect();
    map::shaped(&shape, data)
}

fn sum_strided<T: Float>(x: &Strided<'_, T>, start: usize, terms: usize) -> T {
    let block = |at: usize| {
        let n = BLOCK.min(terms - at);
        match x.contiguous(start + at, n) {
            Some(x) => run(BlockSum(x)),
            None => {
                let mut buffer = [T::ZERO; BLOCK];
                run(BlockSum(x.get(start + at, n, &mut buffer)))
            }
        }
    };
    if terms <= 4 * PARALLEL {
        return tree((0..terms).step_by(BLOCK).map(block));
    }
    let mut sums = vec![T::ZERO; terms.div_ceil(BLOCK)];
    let blocks = CHUNK / BLOCK;
    share::chunks(&mut sums, blocks, true, |index, sums| {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = block((index * blocks + i) * BLOCK);
        }
    });
    tree(sums)
}

/// Adds neighbours, then neighbouring pairs, and so on; an odd one out waits for the next round.
pub(crate) fn tree<T: Float>(terms: impl IntoIterator<Item = T>) -> T {
    // Like a binary counter: entry i of the stack is the sum of a whole subtree, and two of equal
    // size are joined at once.
    let mut stack: Vec<(u32, T)> = Vec::with_capacity(16);
    for term in terms {
        let (mut level, mut sum) = (0, term);
        while let Some(&(l, left)) = stack.last() {
            if l != level {
                break;
            }
            stack.pop();
            (level, sum) = (level + 1, left + sum);
        }
        stack.push((level, sum));
    }
    stack
        .into_iter()
        .rev()
        .map(|(_, sum)| sum)
        .reduce(|right, left| left + right)
        .unwrap_or(T::ZERO)
}

/// Folds the lanes of a block.
#[inline(always)]
pub(crate) fn fold<T: Float>(mut lanes: [T; LANES]) -> T {
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

/// The sum of one block.
struct BlockSum<'a, T>(&'a [T]);

impl<T: Float> Kernel for BlockSum<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut lanes = [T::ZERO; LANES];
        add_to_lanes(&mut lanes, self.0);
        fold(lanes)
    }
}

/// Adds element j to lane j mod 16.
#[inline(always)]
pub(crate) fn add_to_lanes<T: Float>(lanes: &mut [T; LANES], x: &[T]) {
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        for j in 0..LANES {
            lanes[j] += x[j];
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
}

/// The sums of one block of rows, for up to [`WIDTH`] columns.
struct ColumnSum<'a, T> {
    x: &'a Strided<'a, T>,
    /// Element (row, j) of these columns is number `first + row * columns + j`.
    first: usize,
    columns: usize,
    rows: std::ops::Range<usize>,
    sums: &'a mut [T],
}

impl<T: Float> Kernel for ColumnSum<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let ColumnSum { x, first, columns, rows, sums } = self;
        let mut buffers = [[T::ZERO; WIDTH]; 4];
        let mut lanes = [[T::ZERO; WIDTH]; LANES];
        let width = sums.len();
        let at = |row: usize| first + row * columns;
        let mut row = rows.start;
        // The next four rows of a lane at once: its sums are then read and written a quarter as
        // often.
        while row + 4 * LANES <= rows.end {
            for (l, lane) in lanes.iter_mut().enumerate() {
                let [b0, b1, b2, b3] = &mut buffers;
                let x0 = x.get(at(row + l), width, b0);
                let x1 = x.get(at(row + l + LANES), width, b1);
                let x2 = x.get(at(row + l + 2 * LANES), width, b2);
                let x3 = x.get(at(row + l + 3 * LANES), width, b3);
                for j in 0..width {
                    lane[j] = (((lane[j] + x0[j]) + x1[j]) + x2[j]) + x3[j];
                }
            }
            row += 4 * LANES;
        }
        while row < rows.end {
            let lane = &mut lanes[(row - rows.start) % LANES];
            for (lane, &x) in lane.iter_mut().zip(x.get(at(row), width, &mut buffers[0])) {
                *lane += x;
            }
            row += 1;
        }
        for half in [8, 4, 2, 1] {
            let (left, right) = lanes.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                for (l, &r) in left.iter_mut().zip(right.iter()) {
                    *l += r;
                }
            }
        }
        sums.copy_from_slice(&lanes[0][..width]);
    }
}

/// A view whose last axes are the ones to be reduced.
pub(crate) struct Reduction<'a, T> {
    pub(crate) view: ArrayViewD<'a, T>,
    /// The shape of the result.
    pub(crate) shape: Vec<usize>,
    pub(crate) outputs: usize,
    /// The number of elements that each output is made of.
    pub(crate) terms: usize,
}

impl<'a, T> Reduction<'a, T> {
    #[track_caller]
    pub(crate) fn new(x: ArrayViewD<'a, T>, axes: &[usize], keep: bool) -> Self {
        let mut reduced = vec![false; x.ndim()];
        for &axis in axes {
            assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
            assert!(!reduced[axis], "axis {axis} is given twice in {axes:?}");
            reduced[axis] = true;
        }
        let kept: Vec<usize> = (0..x.ndim()).filter(|&i| !reduced[i]).collect();
        let order: Vec<usize> =
            kept.iter().copied().chain((0..x.ndim()).filter(|&i| reduced[i])).collect();
        let shape = (0..x.ndim())
            .filter(|&i| keep || !reduced[i])
            .map(|i| if reduced[i] { 1 } else { x.shape()[i] })
            .collect();
        let outputs = kept.iter().map(|&i| x.shape()[i]).product();
        let terms = (0..x.ndim()).filter(|&i| reduced[i]).map(|i| x.shape()[i]).product();
        Reduction { view: x.permuted_axes(order), shape, outputs, terms }
    }
}
