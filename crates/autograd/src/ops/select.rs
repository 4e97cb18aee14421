//! Choices by a mask.

use std::rc::Rc;

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

type Mask = Rc<ArrayD<bool>>;

/// `y = a` where the mask is true, else `b`.
struct Select {
    mask: Mask,
}

impl<T: Float> Op<T> for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::select(self.mask.view(), inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let part = |keep| {
            let op = Masked { mask: Rc::clone(&self.mask), keep };
            cotangent.tape.apply(op, &[cotangent])
        };
        wanted(
            inputs,
            [&|| summed_to(part(true), inputs[0]), &|| summed_to(part(false), inputs[1])],
        )
    }
}

/// `y = x` where the mask is `keep`, else 0: its own adjoint.
struct Masked {
    mask: Mask,
    keep: bool,
}

impl<T: Float> Op<T> for Masked {
    fn name(&self) -> &'static str {
        "masked"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let zero = ArrayD::from_elem(IxDyn(&[]), T::ZERO);
        let (x, zero) = (inputs[0].view(), zero.view());
        let (a, b) = if self.keep { (x, zero) } else { (zero, x) };
        ulp_tensor::select(self.mask.view(), a, b).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = Masked { mask: Rc::clone(&self.mask), keep: self.keep };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// This value where the mask is true, else `other`; all three broadcast. (NumPy's and PyTorch's
    /// `where`.)
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// let (x, y) = (tape.leaf(arr1(&[1.0_f64, 2.0])), tape.leaf(arr1(&[3.0, 4.0])));
    /// let z = x.select(arr1(&[true, false]).view().into_dyn(), y);
    /// assert_eq!(z.value().as_slice(), Some(&[1.0, 4.0][..]));
    /// assert_eq!(z.sum_all().backward().get(x).unwrap().as_slice(), Some(&[1.0, 0.0][..]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn select(self, mask: ArrayViewD<'_, bool>, other: Self) -> Self {
        self.tape.apply(Select { mask: Rc::new(mask.to_owned()) }, &[self, other])
    }

    /// `value` where the mask is true, else this value; the mask broadcasts to its shape.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    #[must_use]
    pub fn masked_fill(self, mask: ArrayViewD<'_, bool>, value: T) -> Self {
        let shape = self.shape();
        let fits = ulp_tensor::broadcast_shape(mask.shape(), &shape) == shape;
        assert!(fits, "a mask {:?} for a value {shape:?}", mask.shape());
        self.tape.scalar(value).select(mask, self)
    }
}
