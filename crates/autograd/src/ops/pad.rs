//! Borders.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x` inside, a constant around it.
struct Pad<T> {
    width: Vec<(usize, usize)>,
    value: T,
}

impl<T: Float> Op<T> for Pad<T> {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::pad(inputs[0].view(), &self.width, self.value).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let shape = inputs[0].shape();
        let inside = |dy: Var<'t, T>, axis: usize| {
            let before = self.width[axis].0 as isize;
            dy.slice(axis as isize, before..before + shape[axis] as isize)
        };
        vec![Some((0..shape.len()).fold(cotangent, inside))]
    }
}

impl<T: Float> Var<'_, T> {
    /// This value with `width[i].0` elements before and `width[i].1` after it along axis i, all equal to
    /// `value`.
    ///
    /// # Panics
    ///
    /// If there is not one pair for each axis.
    #[track_caller]
    #[must_use]
    pub fn pad(self, width: &[(usize, usize)], value: T) -> Self {
        self.tape.apply(Pad { width: width.to_vec(), value }, &[self])
    }
}
