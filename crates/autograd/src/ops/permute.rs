//! Axes in another order.

use ulp_tensor::Float;
use ulp_tensor::ndarray::IxDyn;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y[i_order] = x[i]`.
struct Permute {
    order: Vec<usize>,
}

impl<T: Float> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        inputs[0].clone().permuted_axes(IxDyn(&self.order))
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let mut inverse = vec![0; self.order.len()];
        for (to, &from) in self.order.iter().enumerate() {
            inverse[from] = to;
        }
        vec![Some(cotangent.tape.apply(Permute { order: inverse }, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// Axis `order[i]` of this value becomes axis `i`. Copies nothing.
    ///
    /// # Panics
    ///
    /// If `order` does not name each axis once.
    #[track_caller]
    #[must_use]
    pub fn permute(self, order: &[isize]) -> Self {
        let resolved: Vec<usize> = order.iter().map(|&axis| self.axis(axis)).collect();
        let mut named = vec![false; self.ndim()];
        resolved.iter().for_each(|&axis| named[axis] = true);
        let each_once = named.len() == resolved.len() && named.iter().all(|&named| named);
        assert!(each_once, "{order:?} is no order of the axes of {:?}", self.shape());
        self.tape.apply(Permute { order: resolved }, &[self])
    }

    /// Exchanges two axes. Copies nothing.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    #[track_caller]
    #[must_use]
    pub fn swap_axes(self, a: isize, b: isize) -> Self {
        let mut order: Vec<usize> = (0..self.ndim()).collect();
        order.swap(self.axis(a), self.axis(b));
        self.tape.apply(Permute { order }, &[self])
    }
}
