//! A linear map of the last axis.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::wanted;

/// `y = x wᵀ + bias`, the bias being optional.
///
/// Its two products and it are one family: each one's VJPs are the other two.
pub(crate) struct Linear;

impl<T: Float> Op<T> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let bias = inputs.get(2).map(|bias| bias.view());
        ulp_tensor::linear(inputs[0].view(), inputs[1].view(), bias).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (x, w) = (inputs[0], inputs[1]);
        let tape = cotangent.tape;
        let mut products = wanted(
            &inputs[..2],
            [&|| tape.apply(LinearVjpX, &[cotangent, w]), &|| {
                tape.apply(LinearVjpW, &[cotangent, x])
            }],
        );
        products.extend(
            inputs
                .get(2)
                .map(|bias| bias.wants_gradient().then(|| tape.apply(LinearVjpBias, &[cotangent]))),
        );
        products
    }
}

/// `dx = dy w` of `(dy, w)`.
pub(crate) struct LinearVjpX;

impl<T: Float> Op<T> for LinearVjpX {
    fn name(&self) -> &'static str {
        "linear_vjp_x"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::linear_vjp_x(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (dy, w) = (inputs[0], inputs[1]);
        let tape = cotangent.tape;
        wanted(
            inputs,
            [&|| tape.apply(Linear, &[cotangent, w]), &|| tape.apply(LinearVjpW, &[dy, cotangent])],
        )
    }
}

/// `dw = dyᵀ x`, summed over the leading axes, of `(dy, x)`.
pub(crate) struct LinearVjpW;

impl<T: Float> Op<T> for LinearVjpW {
    fn name(&self) -> &'static str {
        "linear_vjp_w"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::linear_vjp_w(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (dy, x) = (inputs[0], inputs[1]);
        let tape = cotangent.tape;
        wanted(
            inputs,
            [&|| tape.apply(Linear, &[x, cotangent]), &|| tape.apply(LinearVjpX, &[dy, cotangent])],
        )
    }
}

/// `db = dy` summed over the leading axes.
pub(crate) struct LinearVjpBias;

impl<T: Float> Op<T> for LinearVjpBias {
    fn name(&self) -> &'static str {
        "linear_vjp_bias"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::linear_vjp_bias(inputs[0].view()).into_shared()
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

impl<'t, T: Float> Var<'t, T> {
    /// `x · wᵀ + bias`.
    ///
    /// # Shapes
    ///
    /// `self` [.., in], `w` [out, in], `bias` \[out\] -> [.., out]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn linear(self, w: Self, bias: Option<Self>) -> Self {
        match bias {
            Some(bias) => self.tape.apply(Linear, &[self, w, bias]),
            None => self.tape.apply(Linear, &[self, w]),
        }
    }
}
