//! Multiplication.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

/// `y = a b`, broadcasting.
pub(crate) struct Mul;

impl<T: Float> Op<T> for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::mul(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (a, b) = (inputs[0], inputs[1]);
        wanted(inputs, [&|| summed_to(cotangent * b, a), &|| summed_to(cotangent * a, b)])
    }
}

impl<'t, T: Float> std::ops::Mul for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.tape.apply(Mul, &[self, other])
    }
}

/// `y = s x`.
pub(crate) struct Scale<T>(pub(crate) T);

impl<T: Float> Op<T> for Scale<T> {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::scale(inputs[0].view(), self.0).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent * self.0)]
    }
}

impl<'t, T: Float> std::ops::Mul<T> for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn mul(self, other: T) -> Self {
        self.tape.apply(Scale(other), &[self])
    }
}
