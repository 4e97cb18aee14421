//! Means over axes.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{all_axes, with_axes_of_one};

/// `y = Σ x / n` over axes.
struct Mean {
    axes: Vec<usize>,
    keep: bool,
}

impl<T: Float> Op<T> for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::mean(inputs[0].view(), &self.axes, self.keep).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let shape = inputs[0].shape();
        let terms: usize = self.axes.iter().map(|&axis| shape[axis]).product();
        // Divided before it is repeated: fewer divisions.
        let share = cotangent.reshape(&with_axes_of_one(&shape, &self.axes)) / T::from_usize(terms);
        vec![Some(share.broadcast_to(&shape))]
    }
}

impl<T: Float> Var<'_, T> {
    /// The mean over `axes`, which disappear. NaN if there are no terms.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn mean(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(Mean { axes, keep: false }, &[self])
    }

    /// The mean over `axes`, which are kept with length 1.
    ///
    /// # Panics
    ///
    /// As [`Var::mean`].
    #[track_caller]
    #[must_use]
    pub fn mean_keepdim(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(Mean { axes, keep: true }, &[self])
    }

    /// The mean of all elements, a value without axes.
    #[must_use]
    pub fn mean_all(self) -> Self {
        self.tape.apply(Mean { axes: all_axes(self.ndim()), keep: false }, &[self])
    }
}
