//! Variances.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::norm::squares;
use crate::reduce::{Fold, Then, reduce, reduce_into};
use crate::{Float, mean, pool, sub};

/// Σ (x - mean)² / (n - `correction`) over `axes`, which are kept with length 1 if `keep`:
/// `correction` 0 for a population, 1 for a sample of one (Bessel). Where n is not above the
/// correction 0 is divided by, as NumPy and PyTorch do: infinite, or NaN.
///
/// # Panics
///
/// If an axis is out of range or given twice.
///
/// # Accuracy
///
/// In two passes, by the tree of [`sum`](crate::sum): no cancellation of large means.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, var};
///
/// let x = array![1e9, 1e9 + 1.0, 1e9 + 2.0].into_dyn();
/// assert_eq!(var(x.view(), &[0], 1, false).first(), Some(&1.0));
/// ```
#[track_caller]
pub fn var<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    correction: usize,
    keep: bool,
) -> ArrayD<T> {
    let deviations = deviations(&x, axes);
    let result = reduce(mean_square(correction), deviations.view(), axes, keep);
    pool::recycle(deviations);
    result
}

/// [`var`] into `out`.
///
/// # Panics
///
/// As [`var`], or if `out` has another shape than the result.
#[track_caller]
pub fn var_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    correction: usize,
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    let deviations = deviations(&x, axes);
    reduce_into(mean_square(correction), deviations.view(), axes, keep, out);
    pool::recycle(deviations);
}

/// x - mean.
#[track_caller]
fn deviations<T: Float>(x: &ArrayViewD<'_, T>, axes: &[usize]) -> ArrayD<T> {
    sub(x.view(), mean(x.view(), axes, true).view())
}

/// Σ x² / (n - correction).
fn mean_square<T: Float>(correction: usize) -> impl Fold<T> {
    Then(squares(), move |sum, terms: usize| sum / T::from_usize(terms.saturating_sub(correction)))
}
