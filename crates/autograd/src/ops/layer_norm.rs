//! Layer normalisation.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = w (x - mean(x)) / √(var(x) + ε) + b` along the last axis.
struct LayerNorm<T> {
    eps: T,
}

impl<T: Float> FusedOp<T> for LayerNorm<T> {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::layer_norm(inputs[0].view(), inputs[1].view(), inputs[2].view(), self.eps)
            .into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let (x, w) = (inputs[0].view(), inputs[1].view());
        let (dx, dw, db) = ulp_tensor::layer_norm_vjp(x, w, self.eps, cotangent.view());
        vec![Some(dx.into_shared()), Some(dw.into_shared()), Some(db.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let (x, w, b) = (inputs[0], inputs[1], inputs[2]);
        let centred = x - x.mean_keepdim(&[-1]);
        let variance = (centred * centred).mean_keepdim(&[-1]);
        centred * (variance + self.eps).rsqrt() * w + b
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `w (x - mean(x)) / √(var(x) + eps) + b`, mean and (biased) variance along the last axis
    /// (Ba et al., [Layer normalization](https://arxiv.org/abs/1607.06450)).
    ///
    /// # Shapes
    ///
    /// `self` [.., C], `w` \[C\], `b` \[C\] -> [.., C]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn layer_norm(self, w: Self, b: Self, eps: T) -> Self {
        self.tape.apply(Fused::new(LayerNorm { eps }), &[self, w, b])
    }
}
