//! Sums over axes.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{all_axes, with_axes_of_one};

/// `y = Σ x` over axes.
struct Sum {
    axes: Vec<usize>,
    keep: bool,
}

impl<T: Float> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sum(inputs[0].view(), &self.axes, self.keep).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let shape = inputs[0].shape();
        let cotangent = cotangent.reshape(&with_axes_of_one(&shape, &self.axes));
        vec![Some(cotangent.broadcast_to(&shape))]
    }
}

impl<T: Float> Var<'_, T> {
    /// The sum over `axes`, which disappear.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr2;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]));
    /// assert_eq!(x.sum(&[0]).value().as_slice(), Some(&[4.0, 6.0][..]));
    /// assert_eq!(x.sum_keepdim(&[-1]).shape(), [2, 1]);
    /// assert_eq!(x.sum_all().item(), 10.0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sum(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(Sum { axes, keep: false }, &[self])
    }

    /// The sum over `axes`, which are kept with length 1.
    ///
    /// # Panics
    ///
    /// As [`Var::sum`].
    #[track_caller]
    #[must_use]
    pub fn sum_keepdim(self, axes: &[isize]) -> Self {
        let axes = axes.iter().map(|&axis| self.axis(axis)).collect();
        self.tape.apply(Sum { axes, keep: true }, &[self])
    }

    /// The sum of all elements, a value without axes.
    #[must_use]
    pub fn sum_all(self) -> Self {
        self.tape.apply(Sum { axes: all_axes(self.ndim()), keep: false }, &[self])
    }
}
