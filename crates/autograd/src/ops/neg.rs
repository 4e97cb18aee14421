//! Negation.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

/// `y = -x`.
pub(crate) struct Neg;

impl<T: Float> Op<T> for Neg {
    fn name(&self) -> &'static str {
        "neg"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::neg(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(-cotangent)]
    }
}

impl<T: Float> Elementwise<T> for Neg {
    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        -x
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], _: T, dy: T) -> T {
        -dy
    }
}

impl<T: Float> std::ops::Neg for Var<'_, T> {
    type Output = Self;

    fn neg(self) -> Self {
        self.tape.apply_to_each(Neg, self)
    }
}
