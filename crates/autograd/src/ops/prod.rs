//! Products over axes.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

use super::with_axes_of_one;

/// `y = Π x` over an axis, which is kept.
struct Prod {
    axis: usize,
}

impl<T: Float> FusedOp<T> for Prod {
    fn name(&self) -> &'static str {
        "prod"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::prod(inputs[0].view(), &[self.axis], true).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let dx = ulp_tensor::prod_vjp(inputs[0].view(), self.axis, cotangent.view());
        vec![Some(dx.into_shared())]
    }

    /// Halves multiplied by halves.
    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let (mut x, axis) = (inputs[0], self.axis as isize);
        loop {
            let n = x.shape()[self.axis] as isize;
            if n == 0 {
                return x.sum_keepdim(&[axis]) + T::ONE;
            }
            if n == 1 {
                return x;
            }
            let pairs = x.slice(axis, ..n / 2) * x.slice(axis, n / 2..n / 2 * 2);
            let odd = n % 2 == 1;
            x = if odd { crate::concat(&[pairs, x.slice(axis, n - 1..)], axis) } else { pairs };
        }
    }
}

impl<T: Float> Var<'_, T> {
    /// The product over `axes`, which are kept with length 1.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn prod_keepdim(self, axes: &[isize]) -> Self {
        let resolved: Vec<usize> = axes.iter().map(|&axis| self.axis(axis)).collect();
        for (i, axis) in resolved.iter().enumerate() {
            assert!(!resolved[..i].contains(axis), "axis {axis} is given twice in {axes:?}");
        }
        if let [axis] = resolved[..] {
            return self.tape.apply(Fused::new(Prod { axis }), &[self]);
        }
        // Several axes become one, the last, on which their elements stand in the array's order.
        let shape = self.shape();
        let (gone, kept): (Vec<usize>, Vec<usize>) =
            (0..shape.len()).partition(|axis| resolved.contains(axis));
        let order: Vec<isize> = kept.iter().chain(&gone).map(|&axis| axis as isize).collect();
        let terms = gone.iter().map(|&axis| shape[axis]).product();
        let flat: Vec<usize> = kept.iter().map(|&axis| shape[axis]).chain([terms]).collect();
        let op = Fused::new(Prod { axis: kept.len() });
        let product = self.tape.apply(op, &[self.permute(&order).reshape(&flat)]);
        product.reshape(&with_axes_of_one(&shape, &resolved))
    }

    /// The product over `axes`, which disappear. A gradient is the product of all others, which zeros do
    /// not harm.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn prod(self, axes: &[isize]) -> Self {
        let gone: Vec<usize> = axes.iter().map(|&axis| self.axis(axis)).collect();
        let shape = self.shape();
        let kept = (0..shape.len()).filter(|axis| !gone.contains(axis));
        let kept: Vec<usize> = kept.map(|axis| shape[axis]).collect();
        self.prod_keepdim(axes).reshape(&kept)
    }
}
