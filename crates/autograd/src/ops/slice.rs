//! Part of an axis, and its adjoint.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn, Slice as Range};

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x[.., range, ..]`.
struct Slice {
    axis: usize,
    range: Range,
}

impl<T: Float> Op<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let mut part = inputs[0].clone();
        part.slice_axis_inplace(Axis(self.axis), self.range);
        part
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let place = Place { shape: inputs[0].shape(), axis: self.axis, range: self.range };
        vec![Some(cotangent.tape.apply(place, &[cotangent]))]
    }
}

/// `y[.., range, ..] = x`, 0 elsewhere: the adjoint of [`Slice`].
struct Place {
    shape: Vec<usize>,
    axis: usize,
    range: Range,
}

impl<T: Float> Op<T> for Place {
    fn name(&self) -> &'static str {
        "place"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let mut whole = ArrayD::from_elem(IxDyn(&self.shape), T::ZERO);
        whole.slice_axis_mut(Axis(self.axis), self.range).assign(inputs[0]);
        whole.into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let slice = Slice { axis: self.axis, range: self.range };
        vec![Some(cotangent.tape.apply(slice, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// Part of an axis. Copies nothing.
    ///
    /// Takes a range or an [`ndarray::Slice`](Range), which may count from the end and have a step.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or the range leaves it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::{Slice, arr1};
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr1(&[1.0_f64, 2.0, 3.0, 4.0]));
    /// assert_eq!(x.slice(0, 1..3).value().as_slice().unwrap(), [2.0, 3.0]);
    /// assert_eq!(x.slice(0, -2..).value().as_slice().unwrap(), [3.0, 4.0]);
    /// let odd = x.slice(0, Slice::new(0, None, 2));
    /// let gradients = odd.sum_all().backward();
    /// assert_eq!(gradients.get(x).unwrap().as_slice(), Some(&[1.0, 0.0, 1.0, 0.0][..]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn slice(self, axis: isize, range: impl Into<Range>) -> Self {
        let (axis, range) = (self.axis(axis), range.into());
        let n = self.dim()[axis] as isize;
        let inside = |end: isize| (-n..=n).contains(&end);
        let fits = inside(range.start) && range.end.is_none_or(inside);
        assert!(fits, "{range:?} leaves axis {axis} of {:?}", self.shape());
        self.tape.apply(Slice { axis, range }, &[self])
    }
}
