//! Variances.

use ndarray::{ArrayD, ArrayViewD};

use crate::norm::sum_of_squares;
use crate::{Float, mean, sub};

/// Σ (x - mean)² / (n - `correction`) over `axes`, which are kept with length 1 if `keep`:
/// `correction` 0 for a population, 1 for a sample of one (Bessel). NaN if n is not more than 0.
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
    let terms: usize = axes.iter().map(|&axis| x.shape()[axis]).product();
    let deviations = sub(x.view(), mean(x.view(), axes, true).view());
    let count = T::from_f64(terms as f64 - correction as f64);
    let mut result = sum_of_squares(deviations.view(), axes, keep);
    result.mapv_inplace(|sum| sum / count);
    result
}
