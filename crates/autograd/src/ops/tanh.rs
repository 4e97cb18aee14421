//! The hyperbolic tangent.

use ulp_tensor::Float;

use crate::elementwise::Elementwise;
use crate::op::{Op, Value};
use crate::var::Var;

use super::wanted;

/// `y = tanh x`.
pub(crate) struct Tanh;

impl<T: Float> Op<T> for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::tanh(inputs[0].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(output.tape.apply(TanhVjp, &[output, cotangent]))]
    }
}

/// `dx = dy (1 - y²)` of `(y, dy)`, in one pass.
pub(crate) struct TanhVjp;

impl<T: Float> Op<T> for TanhVjp {
    fn name(&self) -> &'static str {
        "tanh_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::tanh_vjp(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (y, dy) = (inputs[0], inputs[1]);
        let two = T::ONE + T::ONE;
        wanted(
            inputs,
            [&|| -(cotangent * dy * y * two), &|| output.tape.apply(TanhVjp, &[y, cotangent])],
        )
    }
}

impl<T: Float> Elementwise<T> for Tanh {
    const FUSED: bool = true;

    #[inline(always)]
    fn at(&self, [x, _]: [T; 2]) -> T {
        x.tanh()
    }

    #[inline(always)]
    fn slope(&self, _: usize, _: [T; 2], y: T, dy: T) -> T {
        dy * (T::ONE - y * y)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `tanh x`, elementwise.
    #[track_caller]
    #[must_use]
    pub fn tanh(self) -> Self {
        self.tape.apply_to_each(Tanh, self)
    }
}
