//! Sorting along an axis.

use std::cmp::Ordering;

use ndarray::{ArrayD, ArrayViewD, Axis};
use rayon::slice::ParallelSliceMut;

use crate::Float;
use crate::arg_max::ascending;
use crate::gather::gather;
use crate::lanes::for_parts;
use crate::simd::out::PARALLEL;

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
    let sorted = |lane: &[T]| {
        let mut order: Vec<usize> = (0..lane.len()).collect();
        let by = |&a: &usize, &b: &usize| {
            if descending { before(lane, b, a) } else { before(lane, a, b) }
        };
        // A stable sort has one result, however the work is shared out.
        if lane.len() > PARALLEL {
            order.par_sort_by(by)
        } else {
            order.sort_by(by)
        }
        order
    };
    let length = x.shape()[axis];
    places_along(x, axis, length, sorted)
}

/// `f` of each lane along `axis`, which gives `k` places.
fn places_along<T: Float>(
    x: ArrayViewD<'_, T>,
    axis: usize,
    k: usize,
    f: impl Fn(&[T]) -> Vec<usize> + Sync,
) -> ArrayD<usize> {
    let mut shape = x.raw_dim();
    shape[axis] = k;
    let mut places = ArrayD::zeros(shape);
    for_parts(axis, x.len(), places.view_mut(), |part, mut places| {
        let (x, mut buffer) = (part.of(&x), Vec::new());
        let lanes = places.lanes_mut(Axis(axis)).into_iter().zip(x.lanes(Axis(axis)));
        for (mut places, lane) in lanes {
            buffer.clear();
            buffer.extend(lane);
            places.iter_mut().zip(f(&buffer)).for_each(|(place, index)| *place = index);
        }
    });
    places
}

/// How elements number `a` and `b` of a lane compare.
fn before<T: Float>(lane: &[T], a: usize, b: usize) -> Ordering {
    ascending(&lane[a], &lane[b])
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
    let largest = |lane: &[T]| {
        let mut order: Vec<usize> = (0..lane.len()).collect();
        // No two compare equal, so that it does not matter how they are selected.
        let by = |&a: &usize, &b: &usize| before(lane, b, a).then(a.cmp(&b));
        if 0 < k && k < order.len() {
            order.select_nth_unstable_by(k - 1, by);
        }
        order.truncate(k);
        order.sort_unstable_by(by);
        order
    };
    let places = places_along(x.view(), axis, k, largest);
    (gather(x, axis, places.view()), places)
}
