//! The smaller of two values, and minima over axes.

use ulp_tensor::Float;

use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// The smaller of `self` and `other`, elementwise, broadcasting. Where they are equal, or one
    /// is NaN, each gets half of the gradient.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn minimum(self, other: Self) -> Self {
        -(-self).maximum(-other)
    }

    /// The minimum over `axes`, which disappear. NaN if any term is. Equal minima share the gradient equally.
    ///
    /// # Panics
    ///
    /// If there is no such axis, one is given twice, or there are no terms.
    #[track_caller]
    #[must_use]
    pub fn min(self, axes: &[isize]) -> Self {
        -(-self).max(axes)
    }
}
