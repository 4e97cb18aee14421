//! Choices by a mask.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::Float;
use crate::broadcast::broadcast_shape;
use crate::map::map3;
use crate::simd::out::Map3;

#[derive(Clone, Copy)]
struct Select;
impl<T: Float> Map3<T> for Select {
    #[inline(always)]
    fn at(self, chosen: T, x: T, y: T) -> T {
        if chosen == T::ZERO { y } else { x }
    }
}

/// `x` where the mask is true, else `y`; all three broadcast. (NumPy's and PyTorch's `where`.)
///
/// # Panics
///
/// If the shapes do not broadcast.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::{arr0, array}, select};
///
/// let mask = array![true, false].into_dyn();
/// let (x, y) = (array![1.0, 2.0].into_dyn(), arr0(-1.0).into_dyn());
/// assert_eq!(select(mask.view(), x.view(), y.view()), array![1.0, -1.0].into_dyn());
/// ```
#[track_caller]
pub fn select<T: Float>(
    mask: ArrayViewD<'_, bool>,
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
) -> ArrayD<T> {
    let chosen = mask.mapv(|chosen| if chosen { T::ONE } else { T::ZERO });
    map3(chosen.view(), x, y, Select)
}

/// `value` where the mask is true, else `x`; the mask broadcasts to the shape of `x`.
///
/// # Panics
///
/// If it does not.
#[track_caller]
pub fn masked_fill<T: Float>(
    x: ArrayViewD<'_, T>,
    mask: ArrayViewD<'_, bool>,
    value: T,
) -> ArrayD<T> {
    let fits = broadcast_shape(mask.shape(), x.shape()) == x.shape();
    assert!(fits, "a mask {:?} for an array {:?}", mask.shape(), x.shape());
    let value = ArrayD::from_elem(IxDyn(&[]), value);
    select(mask, value.view(), x)
}
