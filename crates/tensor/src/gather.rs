//! Elements by their indices along an axis, and the adjoint.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::lanes::for_parts;
use crate::map::copy;
use crate::simd::out::shaped;
use crate::{Float, pool};

/// Element (.., i, ..) is that of `x` at (.., `index`\[.., i, ..\], ..) along `axis`.
///
/// # Shapes
///
/// `x` and `index` agree in all axes but `axis`; the result has the shape of `index`
///
/// # Panics
///
/// If the shapes do not fit or an index is out of range.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{gather, ndarray::array};
///
/// let x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// let index = array![[1, 1, 0], [0, 0, 0]].into_dyn();
/// let y = array![[2.0, 2.0, 1.0], [3.0, 3.0, 3.0]].into_dyn();
/// assert_eq!(gather(x.view(), 1, index.view()), y);
/// ```
#[track_caller]
pub fn gather<T: Float>(
    x: ArrayViewD<'_, T>,
    axis: usize,
    index: ArrayViewD<'_, usize>,
) -> ArrayD<T> {
    check(x.shape(), axis, &index);
    let mut result = shaped(index.shape(), pool::zeros(index.len()));
    for_parts(axis, index.len(), result.view_mut(), |part, mut result| {
        let (lanes, places) = (part.of(&x), part.of(&index));
        let lanes = lanes.lanes(Axis(axis)).into_iter().zip(places.lanes(Axis(axis)));
        for (mut result, (lane, places)) in result.lanes_mut(Axis(axis)).into_iter().zip(lanes) {
            for (result, &i) in result.iter_mut().zip(places) {
                check_index(i, x.shape(), axis);
                *result = lane[i];
            }
        }
    });
    result
}

/// `x` plus, at (.., `index`\[.., i, ..\], ..) along `axis`, element (.., i, ..) of `y`; what meets
/// in one place is added in ascending order of i. The adjoint of [`gather`].
///
/// # Panics
///
/// If the shapes do not fit or an index is out of range.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, scatter_add};
///
/// let (x, y) = (array![10.0, 20.0].into_dyn(), array![1.0, 2.0, 3.0].into_dyn());
/// let index = array![0, 1, 0].into_dyn();
/// assert_eq!(scatter_add(x.view(), 0, index.view(), y.view()), array![14.0, 22.0].into_dyn());
/// ```
#[track_caller]
pub fn scatter_add<T: Float>(
    x: ArrayViewD<'_, T>,
    axis: usize,
    index: ArrayViewD<'_, usize>,
    y: ArrayViewD<'_, T>,
) -> ArrayD<T> {
    check(x.shape(), axis, &index);
    assert!(index.shape() == y.shape(), "indices {:?} for elements {:?}", index.shape(), y.shape());
    let mut result = copy(x.view());
    for_parts(axis, y.len(), result.view_mut(), |part, mut result| {
        let (terms, places) = (part.of(&y), part.of(&index));
        let lanes = terms.lanes(Axis(axis)).into_iter().zip(places.lanes(Axis(axis)));
        for (mut result, (terms, places)) in result.lanes_mut(Axis(axis)).into_iter().zip(lanes) {
            for (&term, &i) in terms.iter().zip(places) {
                check_index(i, x.shape(), axis);
                result[i] += term;
            }
        }
    });
    result
}

#[track_caller]
fn check(shape: &[usize], axis: usize, index: &ArrayViewD<'_, usize>) {
    let fits = axis < shape.len()
        && index.ndim() == shape.len()
        && (0..shape.len()).all(|i| i == axis || shape[i] == index.shape()[i]);
    assert!(fits, "indices {:?} along axis {axis} of an array {shape:?}", index.shape());
}

fn check_index(i: usize, shape: &[usize], axis: usize) {
    assert!(i < shape[axis], "index {i} along axis {axis} of an array {shape:?}");
}
