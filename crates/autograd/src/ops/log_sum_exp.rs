//! Logarithms of sums of exponentials.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::with_axes_of_one;

/// `y = ln Σ eˣ` over axes; its gradient is the softmax.
struct LogSumExp {
    axes: Vec<usize>,
}

impl<T: Float> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::log_sum_exp(inputs[0].view(), &self.axes, false).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let kept = with_axes_of_one(&inputs[0].shape(), &self.axes);
        let softmax = (inputs[0] - output.reshape(&kept)).exp();
        vec![Some(cotangent.reshape(&kept) * softmax)]
    }
}

impl<T: Float> Var<'_, T> {
    /// `ln Σ eˣ` over `axes`, which disappear, without overflow.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn log_sum_exp(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(LogSumExp { axes }, &[self])
    }
}
