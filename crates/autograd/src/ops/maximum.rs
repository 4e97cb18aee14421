//! The larger of two values.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

/// `y = max(a, b)`, broadcasting.
struct Maximum;

impl<T: Float> Op<T> for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::maximum(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (a, b) = (inputs[0], inputs[1]);
        let mut share = ulp_tensor::broadcast_to(a.value().view(), &cotangent.shape());
        let other = b.value();
        share.zip_mut_with(&other, |a, &b| *a = share_of(*a, b));
        let share = cotangent.tape.constant(share);
        wanted(
            inputs,
            [&|| summed_to(cotangent * share, a), &|| summed_to(cotangent * (-share + T::ONE), b)],
        )
    }
}

/// How much of the gradient goes to `a`: all, none, or half at the kink.
fn share_of<T: Float>(a: T, b: T) -> T {
    if a > b {
        T::ONE
    } else if b > a {
        T::ZERO
    } else {
        T::HALF
    }
}

impl<T: Float> Var<'_, T> {
    /// The larger of `self` and `other`, elementwise, broadcasting. Where they are equal, or one
    /// is NaN, each gets half of the gradient.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn maximum(self, other: Self) -> Self {
        self.tape.apply(Maximum, &[self, other])
    }
}
