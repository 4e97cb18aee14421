//! Convolutions: the value and its two adjoints, each the VJP of the others.

use ulp_tensor::{Conv, Float};

use crate::op::{Op, Value};
use crate::var::Var;

use super::wanted;

/// `y = x ⋆ w + bias`, the bias being optional.
struct Conv2d {
    conv: Conv,
}

impl<T: Float> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let bias = inputs.get(2).map(|bias| bias.view());
        ulp_tensor::conv2d(inputs[0].view(), inputs[1].view(), bias, self.conv).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (x, w, conv, tape) = (inputs[0], inputs[1], self.conv, cotangent.tape);
        let mut products = wanted(
            &inputs[..2],
            [&|| tape.apply(ForImage { image: last_two(x), conv }, &[cotangent, w]), &|| {
                tape.apply(ForWeights { window: last_two(w), conv }, &[cotangent, x])
            }],
        );
        let of_bias =
            |bias: &Var<'t, T>| cotangent.sum_to(&[bias.len(), 1, 1]).reshape(&[bias.len()]);
        products.extend(inputs.get(2).map(|bias| bias.wants_gradient().then(|| of_bias(bias))));
        products
    }
}

/// The gradient for the image, of `(dy, w)`: the transposed convolution.
struct ForImage {
    image: [usize; 2],
    conv: Conv,
}

impl<T: Float> Op<T> for ForImage {
    fn name(&self) -> &'static str {
        "conv2d_vjp_x"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let (dy, w) = (inputs[0].view(), inputs[1].view());
        ulp_tensor::conv2d_vjp_x(dy, w, self.image, self.conv).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (dy, w, conv, tape) = (inputs[0], inputs[1], self.conv, cotangent.tape);
        wanted(
            inputs,
            [&|| tape.apply(Conv2d { conv }, &[cotangent, w]), &|| {
                tape.apply(ForWeights { window: last_two(w), conv }, &[dy, cotangent])
            }],
        )
    }
}

/// The gradient for the weights, of `(dy, x)`.
struct ForWeights {
    window: [usize; 2],
    conv: Conv,
}

impl<T: Float> Op<T> for ForWeights {
    fn name(&self) -> &'static str {
        "conv2d_vjp_w"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let (dy, x) = (inputs[0].view(), inputs[1].view());
        ulp_tensor::conv2d_vjp_w(dy, x, self.window, self.conv).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (dy, x, conv, tape) = (inputs[0], inputs[1], self.conv, cotangent.tape);
        wanted(
            inputs,
            [&|| tape.apply(Conv2d { conv }, &[x, cotangent]), &|| {
                tape.apply(ForImage { image: last_two(x), conv }, &[dy, cotangent])
            }],
        )
    }
}

fn last_two<T: Float>(x: Var<'_, T>) -> [usize; 2] {
    [x.dim()[2], x.dim()[3]]
}

impl<T: Float> Var<'_, T> {
    /// Windows of this value times `w`, plus `bias`: see [`ulp_tensor::conv2d`].
    ///
    /// # Shapes
    ///
    /// `self` [N, C, H, W], `w` [O, C / groups, KH, KW], `bias` \[O\] -> [N, O, OH, OW]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn conv2d(self, w: Self, bias: Option<Self>, conv: Conv) -> Self {
        match bias {
            Some(bias) => self.tape.apply(Conv2d { conv }, &[self, w, bias]),
            None => self.tape.apply(Conv2d { conv }, &[self, w]),
        }
    }

    /// The transpose of [`Var::conv2d`] as an operation of its own: see
    /// [`ulp_tensor::conv2d_transposed`].
    ///
    /// # Shapes
    ///
    /// `self` [N, C, H, W], `w` [C, O / groups, KH, KW], `bias` \[O\] -> [N, O, OH, OW]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn conv2d_transposed(
        self,
        w: Self,
        bias: Option<Self>,
        extra: [usize; 2],
        conv: Conv,
    ) -> Self {
        let (windows, window) = (last_two(self), last_two(w));
        let image = conv.transposed_size(windows, window, extra);
        let x = match conv.windows_behind(windows, window, image) {
            [0, 0] => self,
            [rows, columns] => self.pad(&[(0, 0), (0, 0), (0, rows), (0, columns)], T::ZERO),
        };
        self.tape.apply(ForImage { image, conv }, &[x, w]).plus_bias(bias)
    }

    /// [`Var::conv2d`] of one axis: stride, padding and dilation are the second ones of `conv`.
    ///
    /// # Shapes
    ///
    /// `self` [N, C, L], `w` [O, C / groups, K], `bias` \[O\] -> [N, O, OL]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn conv1d(self, w: Self, bias: Option<Self>, conv: Conv) -> Self {
        let as_image = |x: Self| {
            let shape = x.shape();
            assert!(shape.len() == 3, "{shape:?} has not three axes");
            x.reshape(&[shape[0], shape[1], 1, shape[2]])
        };
        let conv = Conv {
            stride: [1, conv.stride[1]],
            padding: [0, conv.padding[1]],
            dilation: [1, conv.dilation[1]],
            ..conv
        };
        let y = as_image(self).conv2d(as_image(w), bias, conv);
        let shape = y.shape();
        y.reshape(&[shape[0], shape[1], shape[3]])
    }

    #[track_caller]
    fn plus_bias(self, bias: Option<Self>) -> Self {
        match bias {
            Some(bias) => {
                let (y, bias_shape) = (self.shape(), bias.shape());
                assert!(bias_shape == y[1..2], "bias {bias_shape:?} of channels of {y:?}");
                self + bias.reshape(&[bias.len(), 1, 1])
            }
            None => self,
        }
    }
}
