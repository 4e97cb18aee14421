//! The same value again.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x`.
pub(crate) struct Identity;

impl<T: Float> Op<T> for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        inputs[0].clone()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent)]
    }
}
