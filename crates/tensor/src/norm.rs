//! Norms over axes.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::reduce::{Fold, Then, reduce, reduce_into};

macro_rules! fold_of {
    ($name:ident, $start:expr, $lane:ident, $term:ident => $taken:expr, $join:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: Float> Fold<T> for $name {
            fn start(self) -> T {
                $start
            }
            #[inline(always)]
            fn take(self, $lane: T, $term: T) -> T {
                $taken
            }
            #[inline(always)]
            fn join(self, left: T, right: T) -> T {
                $join(left, right)
            }
        }
    };
}

fold_of!(Magnitudes, T::ZERO, lane, term => lane + term.abs(), |a, b| a + b);
fold_of!(Squares, T::ZERO, lane, term => term.mul_add(term, lane), |a, b| a + b);
fold_of!(Largest, T::ZERO, lane, term => larger(term.abs(), lane), |a, b| larger(b, a));

#[inline(always)]
fn larger<T: Float>(x: T, lane: T) -> T {
    if (x > lane) | x.is_nan() { x } else { lane }
}

/// Σ x², by the tree of [`sum`](crate::sum) with fused multiply-add in the lanes.
pub(crate) fn squares<T: Float>() -> impl Fold<T> {
    Squares
}

/// Σ |x| over `axes`, which are kept with length 1 if `keep`.
///
/// # Panics
///
/// If an axis is out of range or given twice (as for all norms).
#[track_caller]
pub fn norm_l1<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    reduce(Magnitudes, x, axes, keep)
}

/// [`norm_l1`] into `out`.
///
/// # Panics
///
/// As [`norm_l1`], or if `out` has another shape than the result.
#[track_caller]
pub fn norm_l1_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    reduce_into(Magnitudes, x, axes, keep, out);
}

/// √(Σ x²) over `axes`, which are kept with length 1 if `keep`. Squares that overflow make it
/// infinite, squares that vanish count as 0.
///
/// # Panics
///
/// If an axis is out of range or given twice.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, norm_l2};
///
/// assert_eq!(norm_l2(array![3.0, 4.0].into_dyn().view(), &[0], false).first(), Some(&5.0));
/// ```
#[track_caller]
pub fn norm_l2<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    reduce(root_of_squares(), x, axes, keep)
}

/// [`norm_l2`] into `out`.
///
/// # Panics
///
/// As [`norm_l2`], or if `out` has another shape than the result.
#[track_caller]
pub fn norm_l2_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    reduce_into(root_of_squares(), x, axes, keep, out);
}

/// √(Σ x²).
fn root_of_squares<T: Float>() -> impl Fold<T> {
    Then(Squares, |sum: T, _| Float::sqrt(sum))
}

/// max |x| over `axes`, which are kept with length 1 if `keep`; 0 if there are no terms, NaN if any
/// term is.
///
/// # Panics
///
/// If an axis is out of range or given twice.
#[track_caller]
pub fn norm_max<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    reduce(Largest, x, axes, keep)
}

/// [`norm_max`] into `out`.
///
/// # Panics
///
/// As [`norm_max`], or if `out` has another shape than the result.
#[track_caller]
pub fn norm_max_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    reduce_into(Largest, x, axes, keep, out);
}
