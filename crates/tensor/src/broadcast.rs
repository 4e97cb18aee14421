//! Broadcasting, and its adjoint.
//!
//! Shapes are compared from the last axis backwards; an axis of length 1 (or a missing one) is
//! repeated to the other's length. What was repeated forwards is summed backwards.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use crate::{Float, map, sum};

/// The shape that both broadcast to.
///
/// # Panics
///
/// If there is none; the message names both shapes.
///
/// # Examples
///
/// ```
/// assert_eq!(ulp_tensor::broadcast_shape(&[4, 1, 3], &[5, 1]), [4, 5, 3]);
/// ```
#[track_caller]
pub fn broadcast_shape(a: &[usize], b: &[usize]) -> Vec<usize> {
    let ndim = a.len().max(b.len());
    let axis =
        |shape: &[usize], i: usize| (i + shape.len()).checked_sub(ndim).map_or(1, |at| shape[at]);
    (0..ndim)
        .map(|i| match (axis(a, i), axis(b, i)) {
            (m, n) if m == n => m,
            (1, n) => n,
            (m, 1) => m,
            _ => panic!("shapes {a:?} and {b:?} do not broadcast"),
        })
        .collect()
}

/// A copy of `x` repeated to `shape`.
///
/// Where a view is enough, use [`ndarray`]'s `broadcast`.
///
/// # Panics
///
/// If `x` does not broadcast to `shape`.
#[track_caller]
pub fn broadcast_to<T: Float>(x: ArrayViewD<'_, T>, shape: &[usize]) -> ArrayD<T> {
    let Some(view) = x.broadcast(IxDyn(shape)) else {
        panic!("shape {:?} does not broadcast to {shape:?}", x.shape());
    };
    map::copy(view)
}

/// The sum of `x` over everything that broadcasting to its shape from `shape` would repeat:
/// the adjoint of [`broadcast_to`].
///
/// # Panics
///
/// If `shape` does not broadcast to the shape of `x`.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::{array, ArrayD}, sum_to_shape};
///
/// let x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// assert_eq!(sum_to_shape(x.view(), &[2]), array![4.0, 6.0].into_dyn());
/// assert_eq!(sum_to_shape(x.view(), &[2, 1]), array![[3.0], [7.0]].into_dyn());
/// ```
#[track_caller]
pub fn sum_to_shape<T: Float>(x: ArrayViewD<'_, T>, shape: &[usize]) -> ArrayD<T> {
    let fits = shape.len() <= x.ndim()
        && x.shape()[x.ndim() - shape.len()..].iter().zip(shape).all(|(&m, &n)| n == m || n == 1);
    assert!(fits, "shape {shape:?} does not broadcast to {:?}", x.shape());
    let extra = x.ndim() - shape.len();
    let axes: Vec<usize> = (0..x.ndim())
        .filter(|&i| i < extra || (shape[i - extra] == 1 && x.shape()[i] != 1))
        .collect();
    if axes.is_empty() {
        return map::copy(x);
    }
    let mut result = sum(x, &axes, true);
    for _ in 0..extra {
        result = result.index_axis_move(Axis(0), 0);
    }
    result
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn an_empty_axis_is_summed_to_zero() {
        let x = ArrayD::<f32>::zeros(IxDyn(&[0, 2]));
        assert_eq!(sum_to_shape(x.view(), &[2]), array![0.0, 0.0].into_dyn());
        assert_eq!(sum_to_shape(x.view(), &[1, 2]).shape(), &[1, 2]);
        assert_eq!(sum_to_shape(x.view(), &[0, 1]).shape(), &[0, 1]);
    }

    #[test]
    #[should_panic(expected = "shapes [2, 3] and [2] do not broadcast")]
    fn both_shapes_are_named() {
        broadcast_shape(&[2, 3], &[2]);
    }
}
