//! The natural logarithm.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = ln x`.
pub(crate) struct Log;

impl<T: Float> Op<T> for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::log(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent / inputs[0])]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `ln x`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn log(self) -> Self {
        self.tape.apply(Log, &[self])
    }
}
