//! Arrays with a border.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use crate::Float;

/// `x` with more elements before and after it along each axis, all equal to `value`; `width` gives
/// their numbers. Its adjoint is slicing.
///
/// # Panics
///
/// If there is not one pair for each axis.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, pad};
///
/// let x = array![1.0, 2.0].into_dyn();
/// assert_eq!(pad(x.view(), &[(1, 2)], 0.0), array![0.0, 1.0, 2.0, 0.0, 0.0].into_dyn());
/// ```
#[track_caller]
pub fn pad<T: Float>(x: ArrayViewD<'_, T>, width: &[(usize, usize)], value: T) -> ArrayD<T> {
    assert!(width.len() == x.ndim(), "{} pairs for an array {:?}", width.len(), x.shape());
    let sizes = x.shape().iter().zip(width);
    let shape: Vec<usize> = sizes.map(|(&n, &(before, after))| before + n + after).collect();
    let mut result = ArrayD::from_elem(IxDyn(&shape), value);
    let mut inside = result.view_mut();
    for (axis, &(before, _)) in width.iter().enumerate() {
        inside.slice_axis_inplace(Axis(axis), (before..before + x.shape()[axis]).into());
    }
    inside.assign(&x);
    result
}
