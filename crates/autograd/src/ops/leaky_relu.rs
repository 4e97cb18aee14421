//! The rectifier with a slope on the left.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x`, times a slope where `x` is negative.
struct LeakyRelu<T> {
    slope: T,
}

impl<T: Float> Op<T> for LeakyRelu<T> {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::leaky_relu(inputs[0].view(), self.slope).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = LeakyReluVjp { slope: self.slope };
        vec![Some(cotangent.tape.apply(op, &[inputs[0], cotangent]))]
    }
}

/// `dx = dy`, times the slope where `x ≤ 0`, of `(x, dy)`: piecewise constant in `x`.
struct LeakyReluVjp<T> {
    slope: T,
}

impl<T: Float> Op<T> for LeakyReluVjp<T> {
    fn name(&self) -> &'static str {
        "leaky_relu_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::leaky_relu_vjp(inputs[0].view(), self.slope, inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = LeakyReluVjp { slope: self.slope };
        let dy = || cotangent.tape.apply(op, &[inputs[0], cotangent]);
        vec![None, inputs[1].wants_gradient().then(dy)]
    }
}

impl<T: Float> Var<'_, T> {
    /// `x`, times `slope` where it is negative, elementwise. At the kink, 0, the gradient is `slope`.
    #[track_caller]
    #[must_use]
    pub fn leaky_relu(self, slope: T) -> Self {
        self.tape.apply(LeakyRelu { slope }, &[self])
    }
}
