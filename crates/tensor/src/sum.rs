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

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::reduce::{self, Fold, Then, reduce, reduce_into, reduce_slice};

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
    reduce(Sum, x, axes, keep)
}

/// [`sum`] into `out`.
///
/// # Panics
///
/// As [`sum`], or if `out` has another shape than the result.
#[track_caller]
pub fn sum_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    reduce_into(Sum, x, axes, keep, out);
}

#[derive(Clone, Copy)]
struct Sum;

impl<T: Float> Fold<T> for Sum {
    fn start(self) -> T {
        T::ZERO
    }
    #[inline(always)]
    fn take(self, lane: T, term: T) -> T {
        lane + term
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        left + right
    }
}

/// The mean over `axes`: the [`sum`] divided by the number of terms (NaN if there are none).
///
/// # Panics
///
/// If an axis is out of range or given twice.
#[track_caller]
pub fn mean<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    reduce(average(), x, axes, keep)
}

/// [`mean`] into `out`.
///
/// # Panics
///
/// As [`mean`], or if `out` has another shape than the result.
#[track_caller]
pub fn mean_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    reduce_into(average(), x, axes, keep, out);
}

/// A sum divided by the number of its terms.
fn average<T: Float>() -> impl Fold<T> {
    Then(Sum, |sum, terms| sum / T::from_usize(terms))
}

/// The sum of a slice along the fixed tree.
///
/// # Examples
///
/// ```
/// assert_eq!(ulp_tensor::sum_slice(&[1.0f32, 2.0, 3.0]), 6.0);
/// ```
pub fn sum_slice<T: Float>(x: &[T]) -> T {
    reduce_slice(Sum, x)
}

/// Adds neighbours, then neighbouring pairs, and so on; an odd one out waits for the next round.
pub(crate) fn tree<T: Float>(terms: impl IntoIterator<Item = T>) -> T {
    reduce::tree(Sum, terms)
}

/// Folds the lanes of a block.
#[inline(always)]
pub(crate) fn fold<T: Float>(lanes: [T; LANES]) -> T {
    reduce::join(Sum, lanes)
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
