//! Magnitudes.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = |x|`.
struct Abs;

impl<T: Float> Op<T> for Abs {
    fn name(&self) -> &'static str {
        "abs"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::abs(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let sign = ulp_tensor::sign(inputs[0].value().view());
        vec![Some(cotangent * cotangent.tape.constant(sign))]
    }
}

impl<T: Float> Var<'_, T> {
    /// `|x|`, elementwise. At the kink, 0, the gradient is 0.
    #[track_caller]
    #[must_use]
    pub fn abs(self) -> Self {
        self.tape.apply(Abs, &[self])
    }
}
