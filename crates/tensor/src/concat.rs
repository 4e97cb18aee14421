//! Arrays joined along an axis.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::Float;

/// The arrays one after another along `axis`. Its adjoint is slicing.
///
/// # Panics
///
/// If there are none, or they differ in another axis.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{concat, ndarray::array};
///
/// let (x, y) = (array![[1.0], [2.0]].into_dyn(), array![[3.0, 4.0], [5.0, 6.0]].into_dyn());
/// assert_eq!(concat(&[x.view(), y.view()], 1), array![[1.0, 3.0, 4.0], [2.0, 5.0, 6.0]].into_dyn());
/// ```
#[track_caller]
pub fn concat<T: Float>(arrays: &[ArrayViewD<'_, T>], axis: usize) -> ArrayD<T> {
    match ndarray::concatenate(Axis(axis), arrays) {
        Ok(joined) => joined.as_standard_layout().into_owned(),
        Err(_) => {
            let shapes: Vec<&[usize]> = arrays.iter().map(|x| x.shape()).collect();
            panic!("shapes {shapes:?} cannot be joined along axis {axis}")
        }
    }
}
