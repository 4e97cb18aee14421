//! Maxima over axes.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::with_axes_of_one;

/// `y = max x` over axes.
struct Max {
    axes: Vec<usize>,
    keep: bool,
}

impl<T: Float> Op<T> for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::max(inputs[0].view(), &self.axes, self.keep).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let shape = inputs[0].shape();
        let kept = with_axes_of_one(&shape, &self.axes);
        // Which elements are the maximum does not change with a small step: a constant.
        let maximum = output.reshape(&kept).broadcast_to(&shape).value();
        let mut share = inputs[0].value().into_owned();
        share.zip_mut_with(&maximum, |x, m| *x = if x == m { T::ONE } else { T::ZERO });
        let ties = ulp_tensor::sum(share.view(), &self.axes, true);
        let share = ulp_tensor::div(share.view(), ties.view());
        vec![Some(cotangent.reshape(&kept) * cotangent.tape.constant(share))]
    }
}

impl<T: Float> Var<'_, T> {
    /// The maximum over `axes`, which disappear. NaN if any term is. Equal maxima share the
    /// gradient equally.
    ///
    /// # Panics
    ///
    /// If there is no such axis, one is given twice, or there are no terms.
    #[track_caller]
    #[must_use]
    pub fn max(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(Max { axes, keep: false }, &[self])
    }

    /// The maximum over `axes`, which are kept with length 1.
    ///
    /// # Panics
    ///
    /// As [`Var::max`].
    #[track_caller]
    #[must_use]
    pub fn max_keepdim(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(Max { axes, keep: true }, &[self])
    }

    /// This value less its maximum along `axis`, which counts as a constant: what formulas take
    /// exponentials of, to which it changes nothing but the risk of overflow.
    pub(crate) fn below_maximum(self, axis: isize) -> Self {
        // An axis without elements has no maximum, and nothing is needed of it.
        if self.is_empty() { self } else { self - self.stop_gradient().max_keepdim(&[axis]) }
    }
}
