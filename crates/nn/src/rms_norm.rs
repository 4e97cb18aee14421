//! Root-mean-square norm.

use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::init::{Init, ParameterSpec};
use crate::module::{Mapper, Module, VisitorMut};

/// `y = x / √(mean(x²) + ε) ⊙ g` over the last axis.
///
/// Zhang and Sennrich, [Root Mean Square Layer Normalization](https://arxiv.org/abs/1910.07467),
/// 2019.
///
/// # Shapes
///
/// `weight` (the gain `g`) `[C]`; input and output `[.., C]`.
#[derive(Debug, Clone)]
pub struct RmsNorm<P> {
    /// The gain `[C]`.
    pub weight: P,
    /// Added to the mean of squares, so that a row of zeros stays finite.
    pub eps: f64,
}

impl RmsNorm<ParameterSpec> {
    /// The plan of a norm over rows of `width`; the gain begins at 1.
    pub fn spec(width: usize, eps: f64) -> Self {
        Self { weight: ParameterSpec::new([width], Init::ONES), eps }
    }
}

impl<'t, T: Float> RmsNorm<Var<'t, T>> {
    /// `x / √(mean(x²) + ε) ⊙ g`.
    ///
    /// # Panics
    ///
    /// When the last extent of `x` is not the gain's.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.rms_norm(self.weight, T::from_f64(self.eps))
    }
}

impl<P> Module for RmsNorm<P> {
    type Param = P;
    type With<Q> = RmsNorm<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<RmsNorm<Q>, E> {
        Ok(RmsNorm { weight: m.parameter("weight", &self.weight)?, eps: self.eps })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.parameter("weight", &mut self.weight);
    }
}
