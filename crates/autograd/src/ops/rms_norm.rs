//! Root-mean-square normalisation.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = w x / √(mean(x²) + ε)` along the last axis.
struct RmsNorm<T> {
    eps: T,
}

impl<T: Float> FusedOp<T> for RmsNorm<T> {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::rms_norm(inputs[0].view(), inputs[1].view(), self.eps).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let (x, w) = (inputs[0].view(), inputs[1].view());
        let (dx, dw) = ulp_tensor::rms_norm_vjp(x, w, self.eps, cotangent.view());
        vec![Some(dx.into_shared()), Some(dw.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let (x, w) = (inputs[0], inputs[1]);
        x * ((x * x).mean_keepdim(&[-1]) + self.eps).rsqrt() * w
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `w x / √(mean(x²) + eps)`, the mean along the last axis (Zhang and Sennrich,
    /// [RMSNorm](https://arxiv.org/abs/1910.07467)).
    ///
    /// # Shapes
    ///
    /// `self` [.., C], `w` \[C\] -> [.., C]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn rms_norm(self, w: Self, eps: T) -> Self {
        self.tape.apply(Fused::new(RmsNorm { eps }), &[self, w])
    }
}
