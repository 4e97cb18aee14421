//! Powers with exponents of their own.

use ulp_tensor::Float;
use ulp_tensor::ndarray::Zip;

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
        let shape = cotangent.shape();
        // At 0⁰, 0 · 0⁻¹ stands for the slope of a constant; at 0ᵖ, 0 · ln 0 for that of 0.
        let for_base = || base_where(x, p, &shape, |p| p == T::ZERO);
        let for_exponent = || base_where(x, p, &shape, |p| p >= T::ZERO);
        wanted(
            inputs,
            [&|| summed_to(cotangent * p * for_base().pow_each(p - T::ONE), x), &|| {
                summed_to(cotangent * x.pow_each(p) * for_exponent().log(), p)
            }],
        )
    }
}

/// `x`, but 1 where it is 0 and the exponent `is_such`: what is multiplied by 0 there is then finite.
fn base_where<'t, T: Float>(
    x: Var<'t, T>,
    p: Var<'t, T>,
    shape: &[usize],
    is_such: impl Fn(T) -> bool,
) -> Var<'t, T> {
    let mask = x.tape().with_values(&[x, p], |values| {
        let repeated =
            |i: usize| values[i].broadcast(shape).expect("inputs broadcast to the output");
        let meets = |&x: &T, &p: &T| x == T::ZERO && is_such(p);
        Zip::from(repeated(0)).and(repeated(1)).map_collect(meets)
    });
    if !mask.iter().any(|&meets| meets) {
        return x;
    }
    x.broadcast_to(shape).masked_fill(mask.view(), T::ONE)
}

impl<T: Float> Var<'_, T> {
    /// This value to the power `exponent`, elementwise, broadcasting. At 0⁰ = 1 both gradients are 0, as is
    /// that of the exponent wherever 0 is raised to a positive one.
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
