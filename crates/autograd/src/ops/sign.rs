//! Signs.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = ±1` or 0: piecewise constant.
struct Sign;

impl<T: Float> Op<T> for Sign {
    fn name(&self) -> &'static str {
        "sign"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sign(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        _cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![None]
    }
}

impl<T: Float> Var<'_, T> {
    /// 1, -1 or 0, elementwise. No gradient flows back.
    #[track_caller]
    #[must_use]
    pub fn sign(self) -> Self {
        self.tape.apply(Sign, &[self])
    }
}
