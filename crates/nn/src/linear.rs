//! Linear layer: `y = x·Wᵀ + b`.

use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::init::{Init, ParameterSpec};
use crate::module::{Mapper, Module, VisitorMut};

/// An affine map of the last axis: `y = x·Wᵀ + b`.
///
/// # Shapes
///
/// `weight` `[out, in]`, `bias` `[out]`; input `[.., in]`, output `[.., out]`.
#[derive(Debug, Clone)]
pub struct Linear<P> {
    /// `[out, in]`: one row an output.
    pub weight: P,
    /// `[out]`, or absent.
    pub bias: Option<P>,
}

impl Linear<ParameterSpec> {
    /// The plan of a layer with PyTorch's default first values: weight and bias uniform on
    /// `±1/√in`.
    pub fn spec(inputs: usize, outputs: usize, bias: bool) -> Self {
        let init = Init::Uniform { bound: 1.0 / (inputs as f64).sqrt() };
        Self::spec_with(inputs, outputs, init, bias.then_some(init))
    }

    /// The plan of a layer with the given first values; no `bias_init`, no bias.
    pub fn spec_with(
        inputs: usize,
        outputs: usize,
        weight_init: Init,
        bias_init: Option<Init>,
    ) -> Self {
        Self {
            weight: ParameterSpec::new([outputs, inputs], weight_init),
            bias: bias_init.map(|init| ParameterSpec::new([outputs], init)),
        }
    }
}

impl<'t, T: Float> Linear<Var<'t, T>> {
    /// `x·Wᵀ + b`.
    ///
    /// # Panics
    ///
    /// When the last extent of `x` is not the layer's `in`.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.linear(self.weight, self.bias)
    }
}

impl<P> Module for Linear<P> {
    type Param = P;
    type With<Q> = Linear<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<Linear<Q>, E> {
        Ok(Linear {
            weight: m.parameter("weight", &self.weight)?,
            bias: m.optional("bias", &self.bias)?,
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.parameter("weight", &mut self.weight);
        v.optional("bias", &mut self.bias);
    }
}
