//! The error function.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = erf x`, with `∂y/∂x = 2/√π e^{-x²}`.
pub(crate) struct Erf;

impl<T: Float> Op<T> for Erf {
    fn name(&self) -> &'static str {
        "erf"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::erf(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let x = inputs[0];
        let slope = T::from_f64(std::f64::consts::FRAC_2_SQRT_PI);
        vec![Some(cotangent * (-(x * x)).exp() * slope)]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `erf x = 2/√π ∫₀ˣ e^{-t²} dt`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn erf(self) -> Self {
        self.tape.apply(Erf, &[self])
    }
}
