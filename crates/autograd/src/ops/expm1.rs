//! The exponential, less one.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = eˣ - 1`, with `∂y/∂x = eˣ` (from `x`: `y + 1` would round it away where `y` is near -1).
struct Expm1;

impl<T: Float> Op<T> for Expm1 {
    fn name(&self) -> &'static str {
        "expm1"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::expm1(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent * inputs[0].exp())]
    }
}

impl<T: Float> Var<'_, T> {
    /// `eˣ - 1`, elementwise, exact for small `x`.
    #[track_caller]
    #[must_use]
    pub fn expm1(self) -> Self {
        self.tape.apply(Expm1, &[self])
    }
}
