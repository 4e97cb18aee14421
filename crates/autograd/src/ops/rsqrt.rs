//! The reciprocal square root.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = 1/√x`, with `∂y/∂x = -y/(2x)`.
pub(crate) struct Rsqrt;

impl<T: Float> Op<T> for Rsqrt {
    fn name(&self) -> &'static str {
        "rsqrt"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::rsqrt(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent * output / inputs[0] * -T::HALF)]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `1/√x`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn rsqrt(self) -> Self {
        self.tape.apply(Rsqrt, &[self])
    }
}
