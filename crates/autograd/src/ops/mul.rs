//! Multiplication.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
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

impl<T: Float> Elementwise<T> for Mul {
    #[inline(always)]
    fn at(&self, [a, b]: [T; 2]) -> T {
        a * b
    }

    #[inline(always)]
    fn slope(&self, i: usize, [a, b]: [T; 2], _: T, dy: T) -> T {
        if i == 0 { dy * b } else { dy * a }
    }
}

impl<'t, T: Float> std::ops::Mul for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.tape.apply_to_pairs(Mul, self, other)
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

impl<T: Float> Elementwise<T> for Scale<T> {
    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x * self.0
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], _: T, dy: T) -> T {
        dy * self.0
    }
}

impl<'t, T: Float> std::ops::Mul<T> for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn mul(self, other: T) -> Self {
        self.tape.apply_to_each(Scale(other), self)
    }
}
