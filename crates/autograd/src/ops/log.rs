//! The natural logarithm.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

/// `y = ln x`.
pub(crate) struct Log;

impl<T: Float> Op<T> for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::log(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent / inputs[0])]
    }
}

impl<T: Float> Elementwise<T> for Log {
    const FUSED: bool = true;

    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x.log()
    }

    #[inline(always)]
    fn slope(&self, _: usize, [x, _]: [T; 2], _: T, dy: T) -> T {
        dy / x
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `ln x`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn log(self) -> Self {
        self.tape.apply_to_each(Log, self)
    }
}
