//! The architectures, one file each: how their files say what a model is, and what they call its
//! tensors. All are one graph, a decoder with parts that a model has or has not
//! ([`ModelConfig`]).

mod gemma2;
mod gemma3;
mod gpt2;
mod llama;
mod mistral;
mod phi3;
mod qwen2;
mod qwen3;

use super::activation::Activation;
use super::config::{Biases, ModelConfig, NormKind, Positions, Window};
use super::fields::Fields;
use super::keys::Keys;
use super::names::Names;
use crate::error::InferError;

/// A family of models that say in the same way what they are.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// GGUF's `general.architecture`.
    gguf: &'static str,
    /// Hugging Face's `model_type`.
    model_types: &'static [&'static str],
    from_gguf: fn(Keys<'_>) -> Result<ModelConfig, InferError>,
    from_hugging_face: fn(&Fields<'_>) -> Result<ModelConfig, InferError>,
    /// What a Hugging Face directory calls the tensors. GGUF has one list for all.
    pub(crate) names: &'static Names,
    pub(crate) unsaid: &'static Unsaid,
}

/// What GGUF files of an architecture have no key for: a model of which it is not true cannot be
/// written as one.
#[derive(Debug)]
pub(crate) struct Unsaid {
    pub(crate) activation: Activation,
    /// Each so manieth layer sees everything where a file has a window and no list of layers.
    pub(crate) period: Option<usize>,
    pub(crate) attention_scale: fn(&ModelConfig) -> f32,
    /// There is a key for a cap of the scores.
    pub(crate) has_score_cap: bool,
    /// Neighbours of a head turn together: rows of q and k are stored in another order than in
    /// Hugging Face's files.
    pub(crate) neighbours_turn: bool,
}

/// As it is with Llama's graph.
const DECODER: Unsaid = Unsaid {
    activation: Activation::Silu,
    period: None,
    attention_scale: |config| scale_of(config.head_dim),
    has_score_cap: false,
    neighbours_turn: false,
};

/// 1/√D.
fn scale_of(width: usize) -> f32 {
    1.0 / (width as f32).sqrt()
}

/// All of them. Mistral comes last: its GGUF files say `llama`.
const ALL: [&Architecture; 8] = [
    &llama::LLAMA,
    &qwen2::QWEN2,
    &qwen3::QWEN3,
    &gemma2::GEMMA2,
    &gemma3::GEMMA3,
    &phi3::PHI3,
    &gpt2::GPT2,
    &mistral::MISTRAL,
];

impl Architecture {
    pub(crate) fn of_gguf(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|architecture| architecture.gguf == name)
    }

    pub(crate) fn of_model_type(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|architecture| architecture.model_types.contains(&name))
    }

    /// GGUF's name.
    pub(crate) fn name(&self) -> &'static str {
        self.gguf
    }

    pub(super) fn read_gguf(&self, keys: Keys<'_>) -> Result<ModelConfig, InferError> {
        keys.refuse_other_graphs()?;
        (self.from_gguf)(keys)
    }

    pub(super) fn read_hugging_face(&self, fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
        if let Some(method) = fields.get("quantization_config") {
            return Err(fields.unsupported("quantization_config", method));
        }
        (self.from_hugging_face)(fields)
    }
}

/// Llama's graph from GGUF's keys; architectures change what is different of them.
fn decoder_from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let hidden_size = keys.count("embedding_length")?;
    let heads = keys.count("attention.head_count")?;
    let kv_heads = keys.kv_heads(heads)?;
    let head_dim = keys.head_dim(hidden_size, heads)?;
    let context = keys.count("context_length")?;
    let rope = keys.rope(head_dim, context)?;
    Ok(ModelConfig {
        vocab_size: keys.vocabulary()?,
        hidden_size,
        intermediate_size: keys.count("feed_forward_length")?,
        layers: keys.count("block_count")?,
        heads,
        kv_heads,
        head_dim,
        context,
        norm: NormKind::Rms,
        norm_eps: keys.epsilon("attention.layer_norm_rms_epsilon")?,
        activation: Activation::Silu,
        gated: true,
        head_norms: false,
        post_norms: false,
        positions: Positions::Rotary { rope, local: None },
        window: Window::None,
        attention_scale: scale_of(head_dim),
        score_cap: None,
        logit_cap: None,
        embedding_scale: None,
        biases: Biases::default(),
        tied: !keys.has_tensor("output.weight"),
    })
}

/// What the families have different defaults for.
struct Defaults {
    context: Option<usize>,
    /// None: as many as there are heads.
    kv_heads: Option<usize>,
    /// None: C / H.
    head_dim: Option<usize>,
    eps: f64,
    activation: Activation,
    tied: bool,
}

/// Llama's graph from a `config.json`; architectures change what is different of them.
fn decoder_from_hugging_face(
    fields: &Fields<'_>,
    defaults: Defaults,
) -> Result<ModelConfig, InferError> {
    let hidden_size = fields.count("hidden_size")?;
    let heads = fields.count("num_attention_heads")?;
    let kv_heads = fields.kv_heads(heads, defaults.kv_heads.unwrap_or(heads))?;
    let head_dim = fields.head_dim(hidden_size, heads, defaults.head_dim)?;
    let context = match (fields.optional_count("max_position_embeddings")?, defaults.context) {
        (Some(context), _) | (None, Some(context)) => context,
        (None, None) => return Err(fields.missing("max_position_embeddings")),
    };
    let rope = fields.rope(Some("full_attention"), head_dim, context)?;
    let context = rope.longest(context);
    let activations = ["hidden_activation", "hidden_act"];
    Ok(ModelConfig {
        vocab_size: fields.count("vocab_size")?,
        hidden_size,
        intermediate_size: fields.count("intermediate_size")?,
        layers: fields.count("num_hidden_layers")?,
        heads,
        kv_heads,
        head_dim,
        context,
        norm: NormKind::Rms,
        norm_eps: fields.epsilon("rms_norm_eps", defaults.eps)?,
        activation: fields.activation(&activations, defaults.activation)?,
        gated: true,
        head_norms: false,
        post_norms: false,
        positions: Positions::Rotary { rope, local: None },
        window: Window::None,
        attention_scale: scale_of(head_dim),
        score_cap: None,
        logit_cap: None,
        embedding_scale: None,
        biases: Biases::default(),
        tied: fields.boolean("tie_word_embeddings")?.unwrap_or(defaults.tied),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_twice() {
        let mut names: Vec<_> = ALL.iter().flat_map(|a| a.model_types).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(Architecture::of_model_type("mamba").is_none());
        assert_eq!(Architecture::of_gguf("llama").unwrap().model_types, ["llama"]);
    }
}
