//! Bounds.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x`, bounded.
struct Clamp<T> {
    least: T,
    most: T,
}

impl<T: Float> Op<T> for Clamp<T> {
    fn name(&self) -> &'static str {
        "clamp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::clamp(inputs[0].view(), self.least, self.most).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = ClampVjp { least: self.least, most: self.most };
        vec![Some(cotangent.tape.apply(op, &[inputs[0], cotangent]))]
    }
}

/// `dx = dy` inside the bounds, else 0, of `(x, dy)`: piecewise constant in `x`.
struct ClampVjp<T> {
    least: T,
    most: T,
}

impl<T: Float> Op<T> for ClampVjp<T> {
    fn name(&self) -> &'static str {
        "clamp_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::clamp_vjp(inputs[0].view(), self.least, self.most, inputs[1].view())
            .into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = ClampVjp { least: self.least, most: self.most };
        let dy = || cotangent.tape.apply(op, &[inputs[0], cotangent]);
        vec![None, inputs[1].wants_gradient().then(dy)]
    }
}

impl<T: Float> Var<'_, T> {
    /// `x`, but at least `least` and at most `most`, elementwise. The gradient is 0 outside, and that of
    /// `x` on the bounds.
    ///
    /// # Panics
    ///
    /// Unless `least <= most`.
    #[track_caller]
    #[must_use]
    pub fn clamp(self, least: T, most: T) -> Self {
        self.tape.apply(Clamp { least, most }, &[self])
    }
}
