//! Where the largest and the smallest element stand.

use std::cmp::Ordering;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, Dimension, RemoveAxis};

use crate::Float;
use crate::destination::fits;
use crate::reduce::refuse_nothing;

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
    let mut places = no_places(&x, axis);
    arg_max_into(x, axis, places.view_mut());
    places
}

/// [`arg_max`] into `out`.
///
/// # Panics
///
/// As [`arg_max`], or if `out` has another shape than the result.
#[track_caller]
pub fn arg_max_into<T: Float>(x: ArrayViewD<'_, T>, axis: usize, out: ArrayViewMutD<'_, usize>) {
    first_where(x, axis, |x, best| x > best, out);
}

/// The index along `axis` of the minimum: of equal ones the first; of a NaN, if there is one.
///
/// # Panics
///
/// As [`arg_max`].
#[track_caller]
pub fn arg_min<T: Float>(x: ArrayViewD<'_, T>, axis: usize) -> ArrayD<usize> {
    let mut places = no_places(&x, axis);
    arg_min_into(x, axis, places.view_mut());
    places
}

/// [`arg_min`] into `out`.
///
/// # Panics
///
/// As [`arg_min`], or if `out` has another shape than the result.
#[track_caller]
pub fn arg_min_into<T: Float>(x: ArrayViewD<'_, T>, axis: usize, out: ArrayViewMutD<'_, usize>) {
    first_where(x, axis, |x, best| x < best, out);
}

/// The shape of `x` without `axis`, filled with zeros.
#[track_caller]
fn no_places<T: Float>(x: &ArrayViewD<'_, T>, axis: usize) -> ArrayD<usize> {
    assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
    ArrayD::zeros(x.raw_dim().remove_axis(Axis(axis)))
}

#[track_caller]
fn first_where<T: Float>(
    x: ArrayViewD<'_, T>,
    axis: usize,
    better: impl Fn(T, T) -> bool,
    mut out: ArrayViewMutD<'_, usize>,
) {
    assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
    fits(x.raw_dim().remove_axis(Axis(axis)).slice(), out.shape());
    refuse_nothing("a place", &x, &[axis]);
    for (out, line) in out.iter_mut().zip(x.lanes(Axis(axis))) {
        let mut best = (0, line[0]);
        for (index, &x) in line.indexed_iter() {
            if better(x, best.1) || x.is_nan() && !best.1.is_nan() {
                best = (index, x);
            }
        }
        *out = best.0;
    }
}

/// The order in which elements are sorted: ascending, -0 and 0 equal, NaN last.
pub(crate) fn ascending<T: Float>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
