//! Sorting along an axis.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::Float;
use crate::arg_max::ascending;
use crate::gather::gather;

/// The order of the elements along `axis`: index i of the result is where the i-th smallest stands
/// (the i-th largest, if `descending`). Equal elements keep their order; NaN counts as larger than
/// all numbers.
///
/// # Panics
///
/// If the axis is out of range.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{arg_sort, ndarray::array};
///
/// let x = array![3.0, 1.0, 2.0, 1.0].into_dyn();
/// assert_eq!(arg_sort(x.view(), 0, false), array![1, 3, 2, 0].into_dyn());
/// assert_eq!(arg_sort(x.view(), 0, true), array![0, 2, 1, 3].into_dyn());
/// ```
#[track_caller]
pub fn arg_sort<T: Float>(x: ArrayViewD<'_, T>, axis: usize, descending: bool) -> ArrayD<usize> {
    assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
    let mut places = ArrayD::zeros(x.raw_dim());
    for (mut places, line) in places.lanes_mut(Axis(axis)).into_iter().zip(x.lanes(Axis(axis))) {
        let mut order: Vec<usize> = (0..line.len()).collect();
        if descending {
            order.sort_by(|&a, &b| ascending(&line[b], &line[a]));
        } else {
            order.sort_by(|&a, &b| ascending(&line[a], &line[b]));
        }
        places.iter_mut().zip(order).for_each(|(place, index)| *place = index);
    }
    places
}

/// The elements along `axis` in ascending (or descending) order, and where each stood:
/// [`arg_sort`].
///
/// # Panics
///
/// If the axis is out of range.
#[track_caller]
pub fn sort<T: Float>(
    x: ArrayViewD<'_, T>,
    axis: usize,
    descending: bool,
) -> (ArrayD<T>, ArrayD<usize>) {
    let places = arg_sort(x.view(), axis, descending);
    (gather(x, axis, places.view()), places)
}

/// The `k` largest elements along `axis`, largest first, and where each stood. Of equal ones the
/// first is taken first.
///
/// # Panics
///
/// If the axis is out of range or has fewer than `k` elements.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, top_k};
///
/// let x = array![[3.0, 1.0, 2.0]].into_dyn();
/// assert_eq!(top_k(x.view(), 2, 1), (array![[3.0, 2.0]].into_dyn(), array![[0, 2]].into_dyn()));
/// ```
#[track_caller]
pub fn top_k<T: Float>(x: ArrayViewD<'_, T>, k: usize, axis: usize) -> (ArrayD<T>, ArrayD<usize>) {
    assert!(
        axis < x.ndim() && k <= x.shape()[axis],
        "the {k} largest along axis {axis} of an array of shape {:?}",
        x.shape()
    );
    let mut places = arg_sort(x.view(), axis, true);
    places.slice_axis_inplace(Axis(axis), (..k).into());
    (gather(x, axis, places.view()), places.as_standard_layout().into_owned())
}
