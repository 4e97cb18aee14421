//! Broadcasting and its adjoint, each the other's VJP.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x` repeated to a shape.
struct BroadcastTo {
    shape: Vec<usize>,
}

impl<T: Float> Op<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::broadcast_to(inputs[0].view(), &self.shape).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent.sum_to(&inputs[0].shape()))]
    }
}

/// `y = x` summed over what broadcasting from a shape would repeat.
struct SumTo {
    shape: Vec<usize>,
}

impl<T: Float> Op<T> for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::sum_to_shape(inputs[0].view(), &self.shape).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent.broadcast_to(&inputs[0].shape()))]
    }
}

impl<T: Float> Var<'_, T> {
    /// This value repeated to `shape`; itself if it has that shape.
    ///
    /// # Panics
    ///
    /// If it does not broadcast to `shape`.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(self, shape: &[usize]) -> Self {
        if self.has_shape(shape) {
            return self;
        }
        self.tape.apply(BroadcastTo { shape: shape.to_vec() }, &[self])
    }

    /// This value summed over everything that [`Var::broadcast_to`] from `shape` would repeat;
    /// itself if it has that shape.
    ///
    /// # Panics
    ///
    /// If `shape` does not broadcast to this value's.
    #[track_caller]
    #[must_use]
    pub fn sum_to(self, shape: &[usize]) -> Self {
        if self.has_shape(shape) {
            return self;
        }
        self.tape.apply(SumTo { shape: shape.to_vec() }, &[self])
    }
}
