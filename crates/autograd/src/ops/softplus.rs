//! A smooth rectifier.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = ln (1 + eˣ)`, with `∂y/∂x = σ(x)`.
struct Softplus;

impl<T: Float> Op<T> for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::softplus(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent * inputs[0].sigmoid())]
    }
}

impl<T: Float> Var<'_, T> {
    /// `ln (1 + eˣ)`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn softplus(self) -> Self {
        self.tape.apply(Softplus, &[self])
    }
}
