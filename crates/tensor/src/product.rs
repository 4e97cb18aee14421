//! Products over axes.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis};

use crate::reduce::{Fold, reduce, reduce_into};
use crate::{Float, mul};

#[derive(Clone, Copy)]
struct Product;

impl<T: Float> Fold<T> for Product {
    fn start(self) -> T {
        T::ONE
    }
    #[inline(always)]
    fn take(self, lane: T, term: T) -> T {
        lane * term
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        left * right
    }
}

/// The product over `axes`, which are kept with length 1 if `keep`; 1 if there are no terms.
///
/// # Panics
///
/// If an axis is out of range or given twice.
///
/// # Accuracy
///
/// Along the tree of [`sum`](crate::sum): n factors are n - 1 roundings, (n - 1) · u.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, prod};
///
/// let x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// assert_eq!(prod(x.view(), &[1], false), array![2.0, 12.0].into_dyn());
/// ```
#[track_caller]
pub fn prod<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    reduce(Product, x, axes, keep)
}

/// [`prod`] into `out`.
///
/// # Panics
///
/// As [`prod`], or if `out` has another shape than the result.
#[track_caller]
pub fn prod_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    reduce_into(Product, x, axes, keep, out);
}

/// The gradient of [`prod`] over one axis: `dy` times the product of all other elements of the
/// line, which zeros do not harm.
///
/// # Shapes
///
/// `x` any, `dy` that of `x` with length 1 at `axis`
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn prod_vjp<T: Float>(x: ArrayViewD<'_, T>, axis: usize, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
    let mut others = x.to_owned();
    for mut line in others.lanes_mut(Axis(axis)) {
        let factors = line.to_vec();
        // Those before, then times those behind.
        let mut before = T::ONE;
        for (other, &factor) in line.iter_mut().zip(&factors) {
            *other = before;
            before *= factor;
        }
        let mut behind = T::ONE;
        for (other, &factor) in line.iter_mut().zip(&factors).rev() {
            *other *= behind;
            behind *= factor;
        }
    }
    mul(others.view(), dy)
}
