//! Minima.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::destination::place;
use crate::reduce::{Fold, reduce};

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
    let nothing = axes.iter().any(|&axis| x.shape().get(axis) == Some(&0));
    let given = x.shape().to_vec();
    let result = reduce(Min, x, axes, keep);
    assert!(
        !nothing || result.is_empty(),
        "a minimum over no elements: axes {axes:?} of {given:?}"
    );
    result
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
    place(min(x, axes, keep), out);
}
