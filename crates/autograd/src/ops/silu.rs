//! The sigmoid-weighted linear unit.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = x σ(x)`.
struct Silu;

impl<T: Float> FusedOp<T> for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::silu(inputs[0].view()).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        vec![Some(ulp_tensor::silu_vjp(inputs[0].view(), cotangent.view()).into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        inputs[0] * inputs[0].sigmoid()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `x σ(x)`, elementwise, also called swish
    /// (Elfwing et al., [SiLU](https://arxiv.org/abs/1702.03118)).
    #[track_caller]
    #[must_use]
    pub fn silu(self) -> Self {
        self.tape.apply(Fused::new(Silu), &[self])
    }
}
