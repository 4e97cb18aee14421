//! Logarithms of sums of exponentials.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::max::max_or_lowest;
use crate::{Float, add, add_into, exp, log, pool, sub, sum};

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
    let (shift, total) = shift_and_total(x, axes, keep);
    add(total.view(), shift.view())
}

/// [`log_sum_exp`] into `out`.
///
/// # Panics
///
/// As [`log_sum_exp`], or if `out` has another shape than the result.
#[track_caller]
pub fn log_sum_exp_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    let (shift, total) = shift_and_total(x, axes, keep);
    add_into(total.view(), shift.view(), out);
}

/// m and log Σ e^(x - m), both in the shape of the result. Where m is infinite, 0 takes its place:
/// infinities would be subtracted from themselves.
#[track_caller]
fn shift_and_total<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
) -> (ArrayD<T>, ArrayD<T>) {
    let largest = max_or_lowest(x.view(), axes, true);
    let shift = largest.mapv_into(|m| if m.is_finite() || m.is_nan() { m } else { T::ZERO });
    let shifted = sub(x, shift.view());
    let e = exp(shifted.view());
    let total = log(sum(e.view(), axes, keep).view());
    [shifted, e].into_iter().for_each(pool::recycle);
    let shift = shift.into_shape_with_order(total.raw_dim()).expect("as many outputs");
    (shift, total)
}
