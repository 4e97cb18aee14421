//! The gated feed-forward layer of Llama.

use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::init::{Init, ParameterSpec};
use crate::linear::Linear;
use crate::module::{Mapper, Module, VisitorMut, within};

/// `y = (silu(x·W_gateᵀ) ⊙ x·W_upᵀ)·W_downᵀ`, with `silu(z) = z·σ(z)`.
///
/// Shazeer, [GLU Variants Improve Transformer](https://arxiv.org/abs/2002.05202), 2020.
///
/// # Shapes
///
/// `gate_proj` and `up_proj` `[F, C]`, `down_proj` `[C, F]`; input and output `[.., C]`.
#[derive(Debug, Clone)]
pub struct SwiGlu<P> {
    /// `[F, C]`, through silu.
    pub gate_proj: Linear<P>,
    /// `[F, C]`, times the gate.
    pub up_proj: Linear<P>,
    /// `[C, F]`.
    pub down_proj: Linear<P>,
}

impl SwiGlu<ParameterSpec> {
    /// The plan of a layer of model width `width` and inner width `inner`; `init` draws the
    /// weights, biases begin at 0.
    pub fn spec(width: usize, inner: usize, bias: bool, init: Init) -> Self {
        let linear =
            |inputs, outputs| Linear::spec_with(inputs, outputs, init, bias.then_some(Init::ZEROS));
        Self {
            gate_proj: linear(width, inner),
            up_proj: linear(width, inner),
            down_proj: linear(inner, width),
        }
    }
}

impl<'t, T: Float> SwiGlu<Var<'t, T>> {
    /// `(silu(x·W_gateᵀ) ⊙ x·W_upᵀ)·W_downᵀ`.
    ///
    /// # Panics
    ///
    /// When the last extent of `x` is not the model width.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        let gate = within("gate_proj", x, |x| self.gate_proj.forward(x));
        let up = within("up_proj", x, |x| self.up_proj.forward(x));
        within("down_proj", gate.silu_mul(up), |inner| self.down_proj.forward(inner))
    }
}

impl<P> Module for SwiGlu<P> {
    type Param = P;
    type With<Q> = SwiGlu<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<SwiGlu<Q>, E> {
        Ok(SwiGlu {
            gate_proj: m.module("gate_proj", &self.gate_proj)?,
            up_proj: m.module("up_proj", &self.up_proj)?,
            down_proj: m.module("down_proj", &self.down_proj)?,
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.module("gate_proj", &mut self.gate_proj);
        v.module("up_proj", &mut self.up_proj);
        v.module("down_proj", &mut self.down_proj);
    }
}
