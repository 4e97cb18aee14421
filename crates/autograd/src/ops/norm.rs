//! Norms over axes.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::with_axes_of_one;

/// `y = √(Σ x²)` over axes, with `∂y/∂x = x/y`.
struct NormL2 {
    axes: Vec<usize>,
}

impl<T: Float> Op<T> for NormL2 {
    fn name(&self) -> &'static str {
        "norm_l2"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::norm_l2(inputs[0].view(), &self.axes, false).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let kept = with_axes_of_one(&inputs[0].shape(), &self.axes);
        // At 0 there is no slope; 0 is one of the subgradients.
        let zero = output.with(|y| y.mapv(|y| y == T::ZERO));
        let length = output.masked_fill(zero.view(), T::ONE);
        vec![Some((cotangent / length).reshape(&kept) * inputs[0])]
    }
}

impl<T: Float> Var<'_, T> {
    /// `√(Σ x²)` over `axes`, which disappear. Where it is 0 the gradient is 0.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn norm_l2(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(NormL2 { axes }, &[self])
    }

    /// `Σ |x|` over `axes`, which disappear.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn norm_l1(self, axes: &[isize]) -> Self {
        self.abs().sum(axes)
    }

    /// `max |x|` over `axes`, which disappear; 0 over no terms.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn norm_max(self, axes: &[isize]) -> Self {
        let shape = self.shape();
        let terms: usize = axes.iter().map(|&axis| shape[self.axis(axis)]).product();
        if terms == 0 { self.norm_l1(axes) } else { self.abs().max(axes) }
    }
}
