//! The Gaussian error linear unit.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = x Φ(x)`.
struct Gelu;

impl<T: Float> FusedOp<T> for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::gelu(inputs[0].view()).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        vec![Some(ulp_tensor::gelu_vjp(inputs[0].view(), cotangent.view()).into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let x = inputs[0];
        x * ((x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf() + T::ONE) * T::HALF
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `x Φ(x)` with the normal distribution function `Φ`, elementwise
    /// (Hendrycks and Gimpel, [GELU](https://arxiv.org/abs/1606.08415)).
    #[track_caller]
    #[must_use]
    pub fn gelu(self) -> Self {
        self.tape.apply(Fused::new(Gelu), &[self])
    }
}
