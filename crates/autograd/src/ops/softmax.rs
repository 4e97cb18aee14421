//! The softmax.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = eˣ / Σ eˣ` along an axis.
struct Softmax {
    axis: usize,
}

impl<T: Float> FusedOp<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::softmax(inputs[0].view(), self.axis).into_shared()
    }

    fn backward(
        &self,
        _inputs: &[&Value<T>],
        output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let dx = ulp_tensor::softmax_vjp(output.view(), cotangent.view(), self.axis);
        vec![Some(dx.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let axis = [self.axis as isize];
        let e = inputs[0].below_maximum(axis[0]).exp();
        e / e.sum_keepdim(&axis)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `eˣ / Σ eˣ` along `axis`.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    #[track_caller]
    #[must_use]
    pub fn softmax(self, axis: isize) -> Self {
        let axis = self.axis(axis);
        self.tape.apply(Fused::new(Softmax { axis }), &[self])
    }
}
