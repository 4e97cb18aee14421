//! The Gaussian error linear unit, by the hyperbolic tangent.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
struct GeluTanh;

impl<T: Float> FusedOp<T> for GeluTanh {
    fn name(&self) -> &'static str {
        "gelu_tanh"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::gelu_tanh(inputs[0].view()).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        vec![Some(ulp_tensor::gelu_tanh_vjp(inputs[0].view(), cotangent.view()).into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let x = inputs[0];
        // Beyond 100 the tangent is 1 or -1 to the last bit, and the cube would overflow in time.
        let flat = T::from_f64(100.0);
        let near = x.clamp(-flat, flat);
        let inner = (near + near * near * near * T::from_f64(0.044715))
            * T::from_f64(std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2);
        x * (inner.tanh() + T::ONE) * T::HALF
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`, elementwise: the approximation of
    /// [`Var::gelu`] in the same paper, and the one GPT-2 uses.
    #[track_caller]
    #[must_use]
    pub fn gelu_tanh(self) -> Self {
        self.tape.apply(Fused::new(GeluTanh), &[self])
    }
}
