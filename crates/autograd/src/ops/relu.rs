//! The rectifier.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

/// `y = max(x, 0)`.
pub(crate) struct Relu;

impl<T: Float> Op<T> for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::relu(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent.tape.apply(ReluVjp, &[inputs[0], cotangent]))]
    }
}

/// `dx = 0` where `x <= 0`, else `dy`, of `(x, dy)`: piecewise constant in `x`.
pub(crate) struct ReluVjp;

impl<T: Float> Op<T> for ReluVjp {
    fn name(&self) -> &'static str {
        "relu_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::relu_vjp(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let dy = || cotangent.tape.apply(ReluVjp, &[inputs[0], cotangent]);
        vec![None, inputs[1].wants_gradient().then(dy)]
    }
}

impl<T: Float> Elementwise<T> for Relu {
    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        if x < T::ZERO { T::ZERO } else { x }
    }

    #[inline(always)]
    fn slope(&self, _: usize, [x, _]: [T; 2], _: T, dy: T) -> T {
        if x <= T::ZERO { T::ZERO } else { dy }
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `max(x, 0)`, elementwise. At the kink, 0, the gradient is 0; a NaN stays one and
    /// lets the gradient through.
    #[track_caller]
    #[must_use]
    pub fn relu(self) -> Self {
        self.tape.apply_to_each(Relu, self)
    }
}
