//! Llama: a decoder-only transformer with RMSNorm, rotary positions, grouped-query attention and
//! SwiGLU.

mod decoder_layer;
mod weights;

use ulp_autograd::{Tape, Var};
use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayView2};

use crate::config::LlamaConfig;
use crate::embedding::Embedding;
use crate::init::{Init, ParameterSpec};
use crate::linear::Linear;
use crate::loss::cross_entropy;
use crate::module::{ArrayX, Mapper, Module, VisitorMut, within};
use crate::rms_norm::RmsNorm;
use crate::rope::Rope;

pub use decoder_layer::DecoderLayer;
pub use weights::StoredFloat;

/// A Llama that predicts the next token.
///
/// Touvron et al., [LLaMA](https://arxiv.org/abs/2302.13971), 2023; with what Llama 2, Llama 3,
/// Mistral (full attention) and Qwen2 (biases) vary by configuration. Parameter paths are those of
/// transformers' `LlamaForCausalLM`, in its order.
///
/// Training is without dropout, as these models are trained: `config.attention_dropout` is kept
/// for the file's sake.
///
/// # Examples
///
/// Three steps of plain gradient descent on one sentence:
///
/// ```
/// use ulp_autograd::Tape;
/// use ulp_nn::{ArrayX, Llama, LlamaConfig, Module, next_tokens};
/// use ulp_tensor::ndarray::array;
///
/// let config = LlamaConfig::parse(
///     br#"{"model_type": "llama", "vocab_size": 16, "hidden_size": 12, "intermediate_size": 24,
///          "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1}"#,
///     "config.json",
/// )?;
/// let mut model = Llama::<ArrayX<f32>>::new(config, 42);
/// let sentence = array![[3_u32, 1, 4, 1, 5, 9, 2, 6]];
/// let (ids, targets) = next_tokens(sentence.view());
///
/// let mut losses = Vec::new();
/// for _ in 0..3 {
///     let tape = Tape::new();
///     let bound = model.bind(&tape);
///     let loss = bound.loss(ids, targets, None);
///     losses.push(loss.item());
///     let mut gradients = loss.backward();
///     let steps = bound.map(|_, p| gradients.take(*p).expect("the loss reaches every parameter"));
///     drop(tape);
///     let steps = steps.named_parameters().into_iter();
///     for ((_, p), (_, g)) in model.named_parameters_mut().into_iter().zip(steps) {
///         p.scaled_add(-0.5, g);
///     }
/// }
/// assert!(losses[2] < losses[1] && losses[1] < losses[0]);
/// # Ok::<(), ulp_nn::NnError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Llama<P> {
    /// What the model is.
    pub config: LlamaConfig,
    /// Embedding, layers and the last norm.
    pub model: LlamaModel<P>,
    /// The output projection `[V, C]`; absent when it is the embedding's matrix.
    pub lm_head: Option<Linear<P>>,
}

/// A Llama without its output projection: ids in, residual stream out.
#[derive(Debug, Clone)]
pub struct LlamaModel<P> {
    /// The table of token vectors.
    pub embed_tokens: Embedding<P>,
    /// The decoder layers, first to last.
    pub layers: Vec<DecoderLayer<P>>,
    /// The norm after the last layer.
    pub norm: RmsNorm<P>,
    /// The rotation of queries and keys.
    pub rope: Rope,
}

impl Llama<ParameterSpec> {
    /// The plan of the model that `config` describes: every shape, no numbers.
    ///
    /// # Panics
    ///
    /// When `config` breaks a rule of [`LlamaConfig::validate`] that shapes depend on.
    #[track_caller]
    pub fn spec(config: LlamaConfig) -> Self {
        let init = Init::Normal { std: config.initializer_range };
        let model = LlamaModel {
            embed_tokens: Embedding::spec(config.vocab_size, config.hidden_size, init),
            layers: (0..config.num_hidden_layers).map(|_| DecoderLayer::spec(&config)).collect(),
            norm: RmsNorm::spec(config.hidden_size, config.rms_norm_eps),
            rope: Rope::new(config.rope_inverse_frequencies()),
        };
        let lm_head = (!config.tie_word_embeddings)
            .then(|| Linear::spec_with(config.hidden_size, config.vocab_size, init, None));
        Self { config, model, lm_head }
    }
}

impl<T: Float> Llama<ArrayX<T>> {
    /// A model with first values drawn from `seed`: weights normal with standard deviation
    /// `config.initializer_range`, gains 1, biases 0.
    ///
    /// # Panics
    ///
    /// As [`Llama::spec`].
    #[track_caller]
    pub fn new(config: LlamaConfig, seed: u64) -> Self {
        Llama::spec(config).initialize(seed)
    }

    /// The logits of `ids`, without gradients.
    ///
    /// This is the plain evaluation of the training graph, for tests and validation; `ulp-infer`
    /// generates text, with a cache.
    ///
    /// # Shapes
    ///
    /// ids `[B, T]`, logits `[B, T, V]`.
    ///
    /// # Panics
    ///
    /// When an id is not below V.
    #[track_caller]
    pub fn logits(&self, ids: ArrayView2<'_, u32>) -> ArrayD<T> {
        let tape = Tape::new();
        let logits = self.bind_constant(&tape).forward(ids).value();
        logits.into_owned()
    }
}

impl<'t, T: Float> Llama<Var<'t, T>> {
    /// The logits of the token after each position.
    ///
    /// # Shapes
    ///
    /// ids `[B, T]`, logits `[B, T, V]`.
    ///
    /// # Panics
    ///
    /// When an id is not below V.
    #[track_caller]
    pub fn forward(&self, ids: ArrayView2<'_, u32>) -> Var<'t, T> {
        within("lm_head", self.hidden(ids), |hidden| match &self.lm_head {
            Some(head) => head.forward(hidden),
            None => hidden.linear(self.model.embed_tokens.weight, None),
        })
    }

    /// The mean negative log-probability, in nats, of `targets[b, t]` after `ids[b, ..=t]`, over
    /// the positions whose target is not `ignore`. The logits are never in memory all at once
    /// ([`Var::linear_cross_entropy`]).
    ///
    /// Targets are the tokens to predict, already shifted: see [`next_tokens`](crate::next_tokens).
    ///
    /// # Panics
    ///
    /// When `ids` and `targets` differ in shape, or an id or target is not below V.
    #[track_caller]
    pub fn loss(
        &self,
        ids: ArrayView2<'_, u32>,
        targets: ArrayView2<'_, u32>,
        ignore: Option<u32>,
    ) -> Var<'t, T> {
        let weight = match &self.lm_head {
            Some(Linear { weight, bias: None }) => *weight,
            Some(_) => return cross_entropy(self.forward(ids), targets.into_dyn(), ignore),
            None => self.model.embed_tokens.weight,
        };
        assert_eq!(ids.shape(), targets.shape(), "loss: ids, targets");
        let targets: Vec<u32> = targets.iter().copied().collect();
        let hidden = self.hidden(ids);
        within("lm_head", hidden, |hidden| {
            let rows = hidden.reshape(&[targets.len(), self.config.hidden_size]);
            rows.linear_cross_entropy(weight, &targets, ignore)
        })
    }

    fn hidden(&self, ids: ArrayView2<'_, u32>) -> Var<'t, T> {
        self.model.embed_tokens.weight.tape().within("model", || self.model.forward(ids))
    }
}

impl<'t, T: Float> LlamaModel<Var<'t, T>> {
    /// The residual stream after the last norm. If the tape has a budget of activations
    /// ([`Tape::set_activation_budget`]), each layer is a segment.
    ///
    /// # Shapes
    ///
    /// ids `[B, T]`, output `[B, T, C]`.
    ///
    /// # Panics
    ///
    /// When an id is not below V.
    #[track_caller]
    pub fn forward(&self, ids: ArrayView2<'_, u32>) -> Var<'t, T> {
        let tape = self.embed_tokens.weight.tape();
        let embedded = tape.within("embed_tokens", || self.embed_tokens.forward(ids.into_dyn()));
        let hidden = self.layers.iter().enumerate().fold(embedded, |x, (i, layer)| {
            within(&format!("layers.{i}"), x, |x| match tape.activation_budget() {
                Some(_) => layer.segment(x, &self.rope),
                None => layer.forward(x, &self.rope),
            })
        });
        within("norm", hidden, |hidden| self.norm.forward(hidden))
    }
}

impl<P> Module for Llama<P> {
    type Param = P;
    type With<Q> = Llama<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<Llama<Q>, E> {
        Ok(Llama {
            config: self.config.clone(),
            model: m.module("model", &self.model)?,
            lm_head: m.optional_module("lm_head", &self.lm_head)?,
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.module("model", &mut self.model);
        v.optional_module("lm_head", &mut self.lm_head);
    }
}

impl<P> Module for LlamaModel<P> {
    type Param = P;
    type With<Q> = LlamaModel<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<LlamaModel<Q>, E> {
        Ok(LlamaModel {
            embed_tokens: m.module("embed_tokens", &self.embed_tokens)?,
            layers: m.list("layers", &self.layers)?,
            norm: m.module("norm", &self.norm)?,
            rope: self.rope.clone(),
        })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.module("embed_tokens", &mut self.embed_tokens);
        v.list("layers", &mut self.layers);
        v.module("norm", &mut self.norm);
    }
}
