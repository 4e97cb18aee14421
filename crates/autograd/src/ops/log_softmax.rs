//! The logarithm of the softmax.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

/// `y = x - ln Σ eˣ` along an axis.
struct LogSoftmax {
    axis: usize,
}

impl<T: Float> FusedOp<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::log_softmax(inputs[0].view(), self.axis).into_shared()
    }

    fn backward(
        &self,
        _inputs: &[&Value<T>],
        output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let dx = ulp_tensor::log_softmax_vjp(output.view(), cotangent.view(), self.axis);
        vec![Some(dx.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        log_softmax_formula(inputs[0], self.axis as isize)
    }
}

/// `x - m - ln Σ e^(x - m)` along `axis`, `m` the maximum.
pub(crate) fn log_softmax_formula<'t, T: Float>(x: Var<'t, T>, axis: isize) -> Var<'t, T> {
    let shifted = x.below_maximum(axis);
    shifted - shifted.exp().sum_keepdim(&[axis]).log()
}

impl<'t, T: Float> Var<'t, T> {
    /// `x - ln Σ eˣ` along `axis`.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(self, axis: isize) -> Self {
        let axis = self.axis(axis);
        self.tape.apply(Fused::new(LogSoftmax { axis }), &[self])
    }
}
