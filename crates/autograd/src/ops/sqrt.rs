//! The square root.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = √x`.
pub(crate) struct Sqrt;

impl<T: Float> Op<T> for Sqrt {
    fn name(&self) -> &'static str {
        "sqrt"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sqrt(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent / output * T::HALF)]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `√x`, elementwise, correctly rounded.
    #[track_caller]
    #[must_use]
    pub fn sqrt(self) -> Self {
        self.tape.apply(Sqrt, &[self])
    }
}
