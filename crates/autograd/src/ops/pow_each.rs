//! Powers with exponents of their own.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

/// `y = xᵖ`, with `∂y/∂x = p xᵖ⁻¹` and `∂y/∂p = y ln x`.
struct PowEach;

impl<T: Float> Op<T> for PowEach {
    fn name(&self) -> &'static str {
        "pow_each"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::pow_each(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (x, p) = (inputs[0], inputs[1]);
        // 0ᵖ ln 0 is taken as 0, its limit for p > 0.
        let zero = x.with(|x| x.mapv(|x| x == T::ZERO));
        let base = || x.masked_fill(zero.view(), T::ONE);
        wanted(
            inputs,
            [&|| summed_to(cotangent * p * x.pow_each(p - T::ONE), x), &|| {
                summed_to(cotangent * x.pow_each(p) * base().log(), p)
            }],
        )
    }
}

impl<T: Float> Var<'_, T> {
    /// This value to the power `exponent`, elementwise, broadcasting.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn pow_each(self, exponent: Self) -> Self {
        self.tape.apply(PowEach, &[self, exponent])
    }
}
