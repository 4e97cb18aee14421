//! Where the largest and the smallest element stand.

use std::cmp::Ordering;

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::Float;

/// The index along `axis` of the maximum: of equal ones the first; of a NaN, if there is one.
///
/// # Panics
///
/// If the axis is out of range, or has no elements while there are outputs.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{arg_max, ndarray::array};
///
/// let x = array![[1.0, 5.0, 5.0], [3.0, f64::NAN, 4.0]].into_dyn();
/// assert_eq!(arg_max(x.view(), 1), array![1, 1].into_dyn());
/// ```
#[track_caller]
pub fn arg_max<T: Float>(x: ArrayViewD<'_, T>, axis: usize) -> ArrayD<usize> {
    first_where(x, axis, |x, best| x > best)
}

/// The index along `axis` of the minimum: of equal ones the first; of a NaN, if there is one.
///
/// # Panics
///
/// As [`arg_max`].
#[track_caller]
pub fn arg_min<T: Float>(x: ArrayViewD<'_, T>, axis: usize) -> ArrayD<usize> {
    first_where(x, axis, |x, best| x < best)
}

#[track_caller]
fn first_where<T: Float>(
    x: ArrayViewD<'_, T>,
    axis: usize,
    better: impl Fn(T, T) -> bool,
) -> ArrayD<usize> {
    assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
    let outputs: usize = (0..x.ndim()).filter(|&i| i != axis).map(|i| x.shape()[i]).product();
    assert!(
        x.shape()[axis] > 0 || outputs == 0,
        "a place among no elements: axis {axis} of {:?}",
        x.shape()
    );
    x.map_axis(Axis(axis), |line| {
        let mut best = (0, line[0]);
        for (index, &x) in line.indexed_iter() {
            if better(x, best.1) || x.is_nan() && !best.1.is_nan() {
                best = (index, x);
            }
        }
        best.0
    })
}

/// The order in which elements are sorted: ascending, -0 and 0 equal, NaN last.
pub(crate) fn ascending<T: Float>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
