//! Logarithms of sums of exponentials.

use ndarray::{ArrayD, ArrayViewD};

use crate::{Float, add, exp, log, max, sub, sum};

/// log Σ e^x over `axes`, which are kept with length 1 if `keep`: m + log Σ e^(x - m), m the maximum,
/// so that nothing overflows. Negative infinity if all terms are, or there are none.
///
/// # Panics
///
/// If an axis is out of range or given twice.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{log_sum_exp, ndarray::array};
///
/// let y = log_sum_exp(array![1000.0, 1000.0].into_dyn().view(), &[0], false);
/// assert_eq!(y.first(), Some(&(1000.0 + 2f64.ln())));
/// ```
#[track_caller]
pub fn log_sum_exp<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    if axes.iter().any(|&axis| x.shape().get(axis) == Some(&0)) {
        return log(sum(x, axes, keep).view());
    }
    let largest = max(x.view(), axes, true);
    // Infinities would be subtracted from themselves.
    let shift = largest.mapv(|m| if m.is_finite() || m.is_nan() { m } else { T::ZERO });
    let e = exp(sub(x, shift.view()).view());
    let total = log(sum(e.view(), axes, true).view());
    let mut result = add(total.view(), shift.view());
    if !keep {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        for &axis in sorted.iter().rev() {
            result = result.index_axis_move(ndarray::Axis(axis), 0);
        }
    }
    result
}
