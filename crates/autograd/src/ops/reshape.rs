//! The same elements under another shape.

use ulp_tensor::Float;
use ulp_tensor::ndarray::IxDyn;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x` with other axes, in row-major order.
struct Reshape {
    shape: Vec<usize>,
}

impl<T: Float> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let x = inputs[0];
        let fits = x.len() == self.shape.iter().product::<usize>();
        assert!(fits, "a value of shape {:?} cannot be reshaped to {:?}", x.shape(), self.shape);
        let ordered =
            if x.is_standard_layout() { x.clone() } else { x.as_standard_layout().to_shared() };
        ordered.into_shape_with_order(IxDyn(&self.shape)).expect("as many elements, in order")
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent.reshape(&inputs[0].shape()))]
    }
}

impl<T: Float> Var<'_, T> {
    /// The same elements, in row-major order, under another shape. Copies only if the elements do
    /// not lie in that order.
    ///
    /// # Panics
    ///
    /// If the number of elements differs.
    #[track_caller]
    #[must_use]
    pub fn reshape(self, shape: &[usize]) -> Self {
        if self.has_shape(shape) {
            return self;
        }
        self.tape.apply(Reshape { shape: shape.to_vec() }, &[self])
    }
}
