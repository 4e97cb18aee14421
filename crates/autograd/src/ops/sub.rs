//! Subtraction.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

use super::add::AddScalar;
use super::{summed_to, wanted};

/// `y = a - b`, broadcasting.
pub(crate) struct Sub;

impl<T: Float> Op<T> for Sub {
    fn name(&self) -> &'static str {
        "sub"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sub(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        wanted(inputs, [&|| summed_to(cotangent, inputs[0]), &|| -summed_to(cotangent, inputs[1])])
    }
}

impl<T: Float> Elementwise<T> for Sub {
    #[inline(always)]
    fn at(&self, [a, b]: [T; 2]) -> T {
        a - b
    }

    #[inline(always)]
    fn slope(&self, i: usize, _: [T; 2], _: T, dy: T) -> T {
        if i == 0 { dy } else { -dy }
    }
}

impl<'t, T: Float> std::ops::Sub for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn sub(self, other: Self) -> Self {
        self.tape.apply_to_pairs(Sub, self, other)
    }
}

impl<'t, T: Float> std::ops::Sub<T> for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn sub(self, other: T) -> Self {
        // a - s and a + (-s) are the same real number, rounded once.
        self.tape.apply_to_each(AddScalar(-other), self)
    }
}
