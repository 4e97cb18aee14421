use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::attention::{Attention, AttentionShape};
use crate::config::LlamaConfig;
use crate::init::{Init, ParameterSpec};
use crate::module::{Mapper, Module, VisitorMut, within};
use crate::rms_norm::RmsNorm;
use crate::rope::Rope;
use crate::swiglu::SwiGlu;

/// One layer of a Llama: `x + attention(norm(x))`, then `x + mlp(norm(x))`.
///
/// # Shapes
///
/// `[B, T, C]` in and out.
#[derive(Debug, Clone)]
pub struct DecoderLayer<P> {
    /// Causal grouped-query attention.
    pub self_attn: Attention<P>,
    /// The gated feed-forward layer.
    pub mlp: SwiGlu<P>,
    /// The norm before attention.
    pub input_layernorm: RmsNorm<P>,
    /// The norm before the feed-forward layer.
    pub post_attention_layernorm: RmsNorm<P>,
}

impl DecoderLayer<ParameterSpec> {
    /// The plan of one layer of the model that `config` describes.
    ///
    /// # Panics
    ///
    /// When the number of key and value heads does not divide the number of heads.
    #[track_caller]
    pub fn spec(config: &LlamaConfig) -> Self {
        let init = Init::Normal { std: config.initializer_range };
        let shape = AttentionShape {
            width: config.hidden_size,
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
        };
        let norm = || RmsNorm::spec(config.hidden_size, config.rms_norm_eps);
        Self {
            self_attn: Attention::spec(shape, config.qkv_bias(), config.output_bias(), init),
            mlp: SwiGlu::spec(config.hidden_size, config.intermediate_size, config.mlp_bias, init),
            input_layernorm: norm(),
            post_attention_layernorm: norm(),
        }
    }
}

impl<'t, T: Float> DecoderLayer<Var<'t, T>> {
    /// The residual stream after this layer.
    ///
    /// # Panics
    ///
    /// When `x` is not `[B, T, C]`.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, rope: &Rope) -> Var<'t, T> {
        let normed = within("input_layernorm", x, |x| self.input_layernorm.forward(x));
        let x = x + within("self_attn", normed, |x| self.self_attn.forward(x, rope));
        let norm = &self.post_attention_layernorm;
        let normed = within("post_attention_layernorm", x, |x| norm.forward(x));
        x + within("mlp", normed, |x| self.mlp.forward(x))
    }
}

impl<'t, T: Float> DecoderLayer<Var<'t, T>> {
    /// [`DecoderLayer::forward`] as a [segment](ulp_autograd::Tape::segment): its activations are kept
    /// or computed again, as the tape's budget has room. The same bits.
    ///
    /// # Panics
    ///
    /// When `x` is not `[B, T, C]`.
    #[track_caller]
    pub fn segment(&self, x: Var<'t, T>, rope: &Rope) -> Var<'t, T> {
        let mut inputs = vec![x];
        let places = self.map(|_, &parameter| {
            inputs.push(parameter);
            inputs.len() - 1
        });
        let rope = rope.clone();
        x.tape().segment(
            move |inputs| places.map(|_, &place| inputs[place]).forward(inputs[0], &rope),
            &inputs,
        )
    }
}

impl<P> Module for DecoderLayer<P> {
    type Param = P;
    type With<Q> = DecoderLayer<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<DecoderLayer<Q>, E> {
        Ok(DecoderLayer {
            self_attn: m.module("self_attn", &self.self_attn)?,
            mlp: m.module("mlp", &self.mlp)?,
            input_layernorm: m.module("input_layernorm", &self.input_layernorm)?,
            post_attention_layernorm: m
                .module("post_attention_layernorm", &self.post_attention_layernorm)?,
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.module("self_attn", &mut self.self_attn);
        v.module("mlp", &mut self.mlp);
        v.module("input_layernorm", &mut self.input_layernorm);
        v.module("post_attention_layernorm", &mut self.post_attention_layernorm);
    }
}
