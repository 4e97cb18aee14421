//! Norms over axes.

use ndarray::{ArrayD, ArrayViewD};

use crate::Float;
use crate::reduce::{Fold, reduce};

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

/// Σ x² over axes, by the tree of [`sum`](crate::sum) with fused multiply-add in the lanes.
#[track_caller]
pub(crate) fn sum_of_squares<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
) -> ArrayD<T> {
    reduce(Squares, x, axes, keep)
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
    let mut norm = sum_of_squares(x, axes, keep);
    norm.mapv_inplace(|sum| Float::sqrt(sum));
    norm
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
