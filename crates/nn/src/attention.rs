//! Causal self-attention with grouped key and value heads.

use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::init::{Init, ParameterSpec};
use crate::linear::Linear;
use crate::module::{Mapper, Module, VisitorMut, within};
use crate::rope::Rope;

/// The sizes of an attention layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// C, the model width.
    pub width: usize,
    /// H, the number of query heads.
    pub heads: usize,
    /// K, the number of key and value heads; it divides H.
    pub kv_heads: usize,
    /// D, the width of a head; H·D need not be C.
    pub head_dim: usize,
}

/// Causal self-attention: each position reads from itself and those before it.
///
/// For query head `h`, served by key and value head `h·K/H`,
///
/// ```text
/// y[t, h] = Σ_s softmax_s(q[t, h]·k[s] / √D)·v[s]    over s ≤ t
/// ```
///
/// where queries and keys are turned by [`Rope`] first, and the heads' results, side by side, go
/// through `o_proj`. K = H is multi-head attention (Vaswani et al.,
/// [Attention Is All You Need](https://arxiv.org/abs/1706.03762), 2017), K = 1 multi-query
/// attention, anything between grouped-query attention (Ainslie et al.,
/// [GQA](https://arxiv.org/abs/2305.13245), 2023).
///
/// # Shapes
///
/// `q_proj` `[H·D, C]`, `k_proj` and `v_proj` `[K·D, C]`, `o_proj` `[C, H·D]`; input and output
/// `[B, T, C]`.
#[derive(Debug, Clone)]
pub struct Attention<P> {
    /// Queries, `[H·D, C]`.
    pub q_proj: Linear<P>,
    /// Keys, `[K·D, C]`.
    pub k_proj: Linear<P>,
    /// Values, `[K·D, C]`.
    pub v_proj: Linear<P>,
    /// The heads' results back to the model width, `[C, H·D]`.
    pub o_proj: Linear<P>,
    /// The sizes.
    pub shape: AttentionShape,
}

impl Attention<ParameterSpec> {
    /// The plan of a layer; `init` draws the weights, biases begin at 0.
    ///
    /// # Panics
    ///
    /// When K does not divide H.
    #[track_caller]
    pub fn spec(shape: AttentionShape, qkv_bias: bool, output_bias: bool, init: Init) -> Self {
        let AttentionShape { width, heads, kv_heads, head_dim } = shape;
        assert!(
            kv_heads > 0 && heads.is_multiple_of(kv_heads),
            "{heads} query heads cannot share {kv_heads} key and value heads evenly"
        );
        let linear = |inputs, outputs, bias: bool| {
            Linear::spec_with(inputs, outputs, init, bias.then_some(Init::ZEROS))
        };
        Self {
            q_proj: linear(width, heads * head_dim, qkv_bias),
            k_proj: linear(width, kv_heads * head_dim, qkv_bias),
            v_proj: linear(width, kv_heads * head_dim, qkv_bias),
            o_proj: linear(heads * head_dim, width, output_bias),
            shape,
        }
    }
}

impl<'t, T: Float> Attention<Var<'t, T>> {
    /// Attention of `x` to itself, positions counted from 0.
    ///
    /// # Panics
    ///
    /// When `x` is not `[B, T, C]`.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, rope: &Rope) -> Var<'t, T> {
        let shape = x.shape();
        let [b, t, _] = shape[..] else { panic!("attention wants [B, T, C], not {shape:?}") };
        let AttentionShape { heads, kv_heads, head_dim, .. } = self.shape;
        let query = within("q_proj", x, |x| self.q_proj.forward(x));
        let key = within("k_proj", x, |x| self.k_proj.forward(x));
        let value = within("v_proj", x, |x| self.v_proj.forward(x));
        let query = query.reshape(&[b, t, heads, head_dim]);
        let key = key.reshape(&[b, t, kv_heads, head_dim]);
        let value = value.reshape(&[b, t, kv_heads, head_dim]);
        let scale = T::from_f64(1.0 / (head_dim as f64).sqrt());
        let mixed = rope.forward(query, 0).attention(rope.forward(key, 0), value, scale, true);
        let mixed = mixed.reshape(&[b, t, heads * head_dim]);
        within("o_proj", mixed, |mixed| self.o_proj.forward(mixed))
    }
}

impl<P> Module for Attention<P> {
    type Param = P;
    type With<Q> = Attention<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<Attention<Q>, E> {
        Ok(Attention {
            q_proj: m.module("q_proj", &self.q_proj)?,
            k_proj: m.module("k_proj", &self.k_proj)?,
            v_proj: m.module("v_proj", &self.v_proj)?,
            o_proj: m.module("o_proj", &self.o_proj)?,
            shape: self.shape,
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.module("q_proj", &mut self.q_proj);
        v.module("k_proj", &mut self.k_proj);
        v.module("v_proj", &mut self.v_proj);
        v.module("o_proj", &mut self.o_proj);
    }
}
