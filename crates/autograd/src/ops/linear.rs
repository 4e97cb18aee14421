//! A linear map of the last axis.

use ulp_tensor::Float;

use crate::linear_precision::LinearPrecision;
use crate::op::{Op, Value};
use crate::var::Var;

use super::wanted;

/// `y = x wᵀ + bias`, the bias being optional.
///
/// Its two products and it are one family: each one's VJPs are the other two, with operands of the same
/// precision.
pub(crate) struct Linear(pub(crate) LinearPrecision);

impl<T: Float> Op<T> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let bias = inputs.get(2).map(|bias| bias.view());
        let linear = match self.0 {
            LinearPrecision::Full => ulp_tensor::linear,
            LinearPrecision::Bf16 => ulp_tensor::linear_bf16,
        };
        linear(inputs[0].view(), inputs[1].view(), bias).into_shared()
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
            [&|| tape.apply(LinearVjpX(self.0), &[cotangent, w]), &|| {
                tape.apply(LinearVjpW(self.0), &[cotangent, x])
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
pub(crate) struct LinearVjpX(LinearPrecision);

impl<T: Float> Op<T> for LinearVjpX {
    fn name(&self) -> &'static str {
        "linear_vjp_x"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let product = match self.0 {
            LinearPrecision::Full => ulp_tensor::linear_vjp_x,
            LinearPrecision::Bf16 => ulp_tensor::linear_bf16_vjp_x,
        };
        product(inputs[0].view(), inputs[1].view()).into_shared()
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
            [&|| tape.apply(Linear(self.0), &[cotangent, w]), &|| {
                tape.apply(LinearVjpW(self.0), &[dy, cotangent])
            }],
        )
    }
}

/// `dw = dyᵀ x`, summed over the leading axes, of `(dy, x)`.
pub(crate) struct LinearVjpW(LinearPrecision);

impl<T: Float> Op<T> for LinearVjpW {
    fn name(&self) -> &'static str {
        "linear_vjp_w"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let product = match self.0 {
            LinearPrecision::Full => ulp_tensor::linear_vjp_w,
            LinearPrecision::Bf16 => ulp_tensor::linear_bf16_vjp_w,
        };
        product(inputs[0].view(), inputs[1].view()).into_shared()
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
            [&|| tape.apply(Linear(self.0), &[x, cotangent]), &|| {
                tape.apply(LinearVjpX(self.0), &[dy, cotangent])
            }],
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
    /// `x · wᵀ + bias`, with operands of the tape's [`LinearPrecision`].
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
        let linear = Linear(self.tape.linear_precision());
        match bias {
            Some(bias) => self.tape.apply(linear, &[self, w, bias]),
            None => self.tape.apply(linear, &[self, w]),
        }
    }
}
