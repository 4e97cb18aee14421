//! Addition.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

/// `y = a + b`, broadcasting.
pub(crate) struct Add;

impl<T: Float> Op<T> for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::add(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        wanted(inputs, [&|| summed_to(cotangent, inputs[0]), &|| summed_to(cotangent, inputs[1])])
    }
}

impl<T: Float> Elementwise<T> for Add {
    #[inline(always)]
    fn at(&self, [a, b]: [T; 2]) -> T {
        a + b
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], _: T, dy: T) -> T {
        dy
    }
}

impl<'t, T: Float> std::ops::Add for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn add(self, other: Self) -> Self {
        self.tape.apply_to_pairs(Add, self, other)
    }
}

/// `y = x + s`.
pub(crate) struct AddScalar<T>(pub(crate) T);

impl<T: Float> Op<T> for AddScalar<T> {
    fn name(&self) -> &'static str {
        "add_scalar"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::add_scalar(inputs[0].view(), self.0).into_shared()
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

impl<T: Float> Elementwise<T> for AddScalar<T> {
    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x + self.0
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], _: T, dy: T) -> T {
        dy
    }
}

impl<'t, T: Float> std::ops::Add<T> for Var<'t, T> {
    type Output = Self;

    #[track_caller]
    fn add(self, other: T) -> Self {
        self.tape.apply_to_each(AddScalar(other), self)
    }
}
