//! The exponential function.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

/// `y = eˣ`.
pub(crate) struct Exp;

impl<T: Float> Op<T> for Exp {
    fn name(&self) -> &'static str {
        "exp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::exp(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent * output)]
    }
}

impl<T: Float> Elementwise<T> for Exp {
    const FUSED: bool = true;

    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x.exp()
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], y: T, dy: T) -> T {
        dy * y
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `eˣ`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn exp(self) -> Self {
        self.tape.apply_to_each(Exp, self)
    }
}
