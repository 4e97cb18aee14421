//! Running sums.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis};

use crate::Float;
use crate::lanes::for_parts;
use crate::map::copy;

/// Element i along `axis` is the sum of elements 0 to i, from left to right; of elements i to the
/// last, from right to left, if `reverse`. Each direction is the other's adjoint.
///
/// # Panics
///
/// If the axis is out of range.
///
/// # Accuracy
///
/// Every partial sum is a result, so there is no tree: (n - 1) · u · Σ|x|.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{cum_sum, ndarray::array};
///
/// let x = array![1.0, 2.0, 3.0].into_dyn();
/// assert_eq!(cum_sum(x.view(), 0, false), array![1.0, 3.0, 6.0].into_dyn());
/// assert_eq!(cum_sum(x.view(), 0, true), array![6.0, 5.0, 3.0].into_dyn());
/// ```
#[track_caller]
pub fn cum_sum<T: Float>(x: ArrayViewD<'_, T>, axis: usize, reverse: bool) -> ArrayD<T> {
    assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
    let mut sums = copy(x);
    for_parts(axis, sums.len(), sums.view_mut(), |_, sums| run_along(axis, sums, reverse));
    sums
}

/// The running sums of some lanes, in place.
fn run_along<T: Float>(axis: usize, mut sums: ArrayViewMutD<'_, T>, reverse: bool) {
    let n = sums.shape()[axis];
    // Slice after slice, so that a short axis inside a large array is no loop of its own.
    for i in 1..n {
        let (from, to) = if reverse { (n - i, n - i - 1) } else { (i - 1, i) };
        let (left, right) = sums.view_mut().split_at(Axis(axis), from.max(to));
        let (low, high) =
            (left.index_axis_move(Axis(axis), from.min(to)), right.index_axis_move(Axis(axis), 0));
        let (source, mut sum) = if reverse { (high, low) } else { (low, high) };
        sum.zip_mut_with(&source, |sum, &before| *sum = before + *sum);
    }
}
