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
use rayon::prelude::*;

use crate::simd::out::{CHUNK, PARALLEL, collect};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run};
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
    let starts = (0..terms).step_by(BLOCK);
    if terms > 4 * PARALLEL {
        let sums: Vec<T> =
            (0..terms.div_ceil(BLOCK)).into_par_iter().map(|i| block(i * BLOCK)).collect();
        tree(sums)
    } else {
        tree(starts.map(block))
    }
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
        let (whole, rest) = self.0.as_chunks::<LANES>();
        let mut lanes = [T::ZERO; LANES];
        for x in whole {
            for j in 0..LANES {
                lanes[j] += x[j];
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane += x;
        }
        fold(lanes)
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
