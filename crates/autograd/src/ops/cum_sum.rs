//! Running sums, each direction the other's VJP.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `yᵢ = Σ xⱼ` over the `j ≤ i` of an axis, or `j ≥ i`.
struct CumSum {
    axis: usize,
    reverse: bool,
}

impl<T: Float> Op<T> for CumSum {
    fn name(&self) -> &'static str {
        "cum_sum"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::cum_sum(inputs[0].view(), self.axis, self.reverse).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = CumSum { axis: self.axis, reverse: !self.reverse };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// Element i along `axis` is the sum of elements 0 to i.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    #[track_caller]
    #[must_use]
    pub fn cum_sum(self, axis: isize) -> Self {
        let axis = self.axis(axis);
        self.tape.apply(CumSum { axis, reverse: false }, &[self])
    }
}
