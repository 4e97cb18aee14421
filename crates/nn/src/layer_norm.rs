//! Layer norm.

use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::init::{Init, ParameterSpec};
use crate::module::{Mapper, Module, VisitorMut};

/// `y = (x − mean(x)) / √(var(x) + ε) ⊙ g + b` over the last axis, with the variance divided by C.
///
/// Ba, Kiros and Hinton, [Layer Normalization](https://arxiv.org/abs/1607.06450), 2016.
///
/// # Shapes
///
/// `weight` (the gain `g`) and `bias` `[C]`; input and output `[.., C]`.
#[derive(Debug, Clone)]
pub struct LayerNorm<P> {
    /// The gain `[C]`.
    pub weight: P,
    /// The shift `[C]`.
    pub bias: P,
    /// Added to the variance, so that a constant row stays finite.
    pub eps: f64,
}

impl LayerNorm<ParameterSpec> {
    /// The plan of a norm over rows of `width`; gain 1, shift 0.
    pub fn spec(width: usize, eps: f64) -> Self {
        Self {
            weight: ParameterSpec::new([width], Init::ONES),
            bias: ParameterSpec::new([width], Init::ZEROS),
            eps,
        }
    }
}

impl<'t, T: Float> LayerNorm<Var<'t, T>> {
    /// `(x − mean(x)) / √(var(x) + ε) ⊙ g + b`.
    ///
    /// # Panics
    ///
    /// When the last extent of `x` is not the gain's.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.layer_norm(self.weight, self.bias, T::from_f64(self.eps))
    }
}

impl<P> Module for LayerNorm<P> {
    type Param = P;
    type With<Q> = LayerNorm<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<LayerNorm<Q>, E> {
        Ok(LayerNorm {
            weight: m.parameter("weight", &self.weight)?,
            bias: m.parameter("bias", &self.bias)?,
            eps: self.eps,
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.parameter("weight", &mut self.weight);
        v.parameter("bias", &mut self.bias);
    }
}
