//! Powers with a constant exponent.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = xᵖ`, with `∂y/∂x = p xᵖ⁻¹`.
pub(crate) struct Pow<T>(pub(crate) T);

impl<T: Float> Op<T> for Pow<T> {
    fn name(&self) -> &'static str {
        "pow"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::pow(inputs[0].view(), self.0).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let p = self.0;
        // x⁰ is constant, also at 0 where 0 · 0⁻¹ would be NaN; x¹ and x² have exact slopes.
        vec![if p == T::ZERO {
            None
        } else if p == T::ONE {
            Some(cotangent)
        } else if p == T::ONE + T::ONE {
            Some(cotangent * inputs[0] * p)
        } else {
            Some(cotangent * inputs[0].pow(p - T::ONE) * p)
        }]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `xᵖ`, elementwise, for a constant `p`.
    #[track_caller]
    #[must_use]
    pub fn pow(self, exponent: T) -> Self {
        self.tape.apply(Pow(exponent), &[self])
    }
}
