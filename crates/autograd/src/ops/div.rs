//! Division.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

use ulp_tensor::ndarray::{ArrayD, IxDyn};

use super::{summed_to, wanted};

/// `y = a / b`, broadcasting.
pub(crate) struct Div;

impl<T: Float> Op<T> for Div {
    fn name(&self) -> &'static str {
        "div"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::div(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (a, b) = (inputs[0], inputs[1]);
        // ∂(a/b)/∂b = -a/b² = -y/b, which does not overflow where b² would.
        wanted(inputs, [&|| summed_to(cotangent / b, a), &|| -summed_to(cotangent * output / b, b)])
    }
}

impl<T: Float> Elementwise<T> for Div {
    #[inline(always)]
    fn at(&self, [a, b]: [T; 2]) -> T {
        a / b
    }

    #[inline(always)]
    fn slope(&self, i: usize, [_, b]: [T; 2], y: T, dy: T) -> T {
        if i == 0 { dy / b } else { -(dy * y / b) }
    }
}

impl<'t, T: Float> std::ops::Div for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn div(self, other: Self) -> Self {
        self.tape.apply_to_pairs(Div, self, other)
    }
}

/// `y = x / s`, rounded once: not `x (1/s)`.
pub(crate) struct DivScalar<T>(pub(crate) T);

impl<T: Float> Op<T> for DivScalar<T> {
    fn name(&self) -> &'static str {
        "div_scalar"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let divisor = ArrayD::from_elem(IxDyn(&[]), self.0);
        ulp_tensor::div(inputs[0].view(), divisor.view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent / self.0)]
    }
}

impl<T: Float> Elementwise<T> for DivScalar<T> {
    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x / self.0
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], _: T, dy: T) -> T {
        dy / self.0
    }
}

impl<'t, T: Float> std::ops::Div<T> for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn div(self, other: T) -> Self {
        self.tape.apply_to_each(DivScalar(other), self)
    }
}
