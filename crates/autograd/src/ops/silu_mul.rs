//! The gate of SwiGLU.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = gate σ(gate) up`.
struct SiluMul;

impl<T: Float> FusedOp<T> for SiluMul {
    fn name(&self) -> &'static str {
        "silu_mul"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::silu_mul(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let (gate, up) = (inputs[0].view(), inputs[1].view());
        let (dgate, dup) = ulp_tensor::silu_mul_vjp(gate, up, cotangent.view());
        vec![Some(dgate.into_shared()), Some(dup.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let (gate, up) = (inputs[0], inputs[1]);
        gate * gate.sigmoid() * up
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `silu(self) · up`, elementwise and in one pass: the gate of SwiGLU (Shazeer,
    /// [GLU variants](https://arxiv.org/abs/2002.05202)). Keeps one array where
    /// `x.silu() * up` keeps two.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    #[track_caller]
    #[must_use]
    pub fn silu_mul(self, up: Self) -> Self {
        let fits = self.has_shape_of(up);
        assert!(fits, "gate {:?} and up {:?} differ", self.shape(), up.shape());
        self.tape.apply(Fused::new(SiluMul), &[self, up])
    }
}
