//! The logarithm of one more.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = ln (1 + x)`.
struct Log1p;

impl<T: Float> Op<T> for Log1p {
    fn name(&self) -> &'static str {
        "log1p"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::log1p(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent / (inputs[0] + T::ONE))]
    }
}

impl<T: Float> Var<'_, T> {
    /// `ln (1 + x)`, elementwise, exact for small `x`.
    #[track_caller]
    #[must_use]
    pub fn log1p(self) -> Self {
        self.tape.apply(Log1p, &[self])
    }
}
