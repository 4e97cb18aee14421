//! Maxima and means of windows.

use ulp_tensor::{Conv, Float};

use crate::op::{Op, Value};
use crate::var::Var;

/// The mean of each window.
struct AvgPool {
    window: [usize; 2],
    conv: Conv,
}

impl<T: Float> Op<T> for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::avg_pool2d(inputs[0].view(), self.window, self.conv).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let shape = inputs[0].shape();
        let op = AvgPoolVjp { image: [shape[2], shape[3]], window: self.window, conv: self.conv };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

/// Its adjoint.
struct AvgPoolVjp {
    image: [usize; 2],
    window: [usize; 2],
    conv: Conv,
}

impl<T: Float> Op<T> for AvgPoolVjp {
    fn name(&self) -> &'static str {
        "avg_pool2d_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let dy = inputs[0].view();
        ulp_tensor::avg_pool2d_vjp(dy, self.image, self.window, self.conv).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = AvgPool { window: self.window, conv: self.conv };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// The maximum of each window; of equal elements the first gets the gradient. A window that has none, since
    /// all of it lies in the padding, is -∞.
    ///
    /// # Shapes
    ///
    /// `self` [N, C, H, W] -> [N, C, OH, OW]
    ///
    /// # Panics
    ///
    /// As [`ulp_tensor::max_pool2d`].
    #[track_caller]
    #[must_use]
    pub fn max_pool2d(self, window: [usize; 2], conv: Conv) -> Self {
        let places = self.with(|x| ulp_tensor::max_pool2d(x.view(), window, conv).1);
        let (x, y) = (self.shape(), places.shape().to_vec());
        let flat = places.into_shape_with_order(vec![y[0], y[1], y[2] * y[3]]);
        let mut flat = flat.expect("as many elements");
        let (mut image, elements) = (self.reshape(&[x[0], x[1], x[2] * x[3]]), x[2] * x[3]);
        if flat.iter().any(|&place| place == ulp_tensor::NO_PLACE) {
            image = image.pad(&[(0, 0), (0, 0), (0, 1)], T::NEG_INFINITY);
            flat.mapv_inplace(|place| place.min(elements));
        }
        image.gather_from(2, flat).reshape(&y)
    }

    /// The mean of each window; padding counts as zeros.
    ///
    /// # Shapes
    ///
    /// `self` [N, C, H, W] -> [N, C, OH, OW]
    ///
    /// # Panics
    ///
    /// As [`ulp_tensor::avg_pool2d`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d(self, window: [usize; 2], conv: Conv) -> Self {
        self.tape.apply(AvgPool { window, conv }, &[self])
    }
}
