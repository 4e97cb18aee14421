//! The logistic function.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

use super::wanted;

/// `y = 1/(1 + e⁻ˣ)`.
pub(crate) struct Sigmoid;

impl<T: Float> Op<T> for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sigmoid(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(output.tape.apply(SigmoidVjp, &[output, cotangent]))]
    }
}

/// `dx = dy y (1 - y)` of `(y, dy)`, in one pass.
pub(crate) struct SigmoidVjp;

impl<T: Float> Op<T> for SigmoidVjp {
    fn name(&self) -> &'static str {
        "sigmoid_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sigmoid_vjp(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (y, dy) = (inputs[0], inputs[1]);
        let two = T::ONE + T::ONE;
        wanted(
            inputs,
            [&|| cotangent * dy * (y * -two + T::ONE), &|| {
                output.tape.apply(SigmoidVjp, &[y, cotangent])
            }],
        )
    }
}

impl<T: Float> Elementwise<T> for Sigmoid {
    const FUSED: bool = true;

    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x.sigmoid()
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], y: T, dy: T) -> T {
        dy * (y * (T::ONE - y))
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `1/(1 + e⁻ˣ)`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn sigmoid(self) -> Self {
        self.tape.apply_to_each(Sigmoid, self)
    }
}
