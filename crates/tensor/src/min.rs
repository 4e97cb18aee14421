//! Minima.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::reduce::{Fold, reduce, reduce_into, refuse_nothing};

#[derive(Clone, Copy)]
struct Min;

impl<T: Float> Fold<T> for Min {
    fn start(self) -> T {
        T::INFINITY
    }
    #[inline(always)]
    fn take(self, lane: T, term: T) -> T {
        if (term < lane) | term.is_nan() { term } else { lane }
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        if (right < left) | right.is_nan() { right } else { left }
    }
}

/// The minimum over `axes`, which are kept with length 1 if `keep`. It is NaN if any term is.
///
/// # Panics
///
/// If an axis is out of range or given twice, or if there are outputs without any term.
#[track_caller]
pub fn min<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    refuse_nothing("a minimum", &x, axes);
    reduce(Min, x, axes, keep)
}

/// [`min`] into `out`.
///
/// # Panics
///
/// As [`min`], or if `out` has another shape than the result.
#[track_caller]
pub fn min_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    refuse_nothing("a minimum", &x, axes);
    reduce_into(Min, x, axes, keep, out);
}
