//! GPT-2: learned positions, layer norms, biases everywhere, a feed-forward block without a gate.

use super::{Architecture, DECODER, Unsaid, scale_of};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{Biases, ModelConfig, NormKind, Positions, Window};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::GPT2 as NAMES;

pub(super) const GPT2: Architecture = Architecture {
    gguf: "gpt2",
    model_types: &["gpt2"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &Unsaid { activation: Activation::GeluTanh, ..DECODER },
};

/// What its two kinds of files say in different words.
struct Size {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    layers: usize,
    heads: usize,
    head_dim: usize,
    context: usize,
    norm_eps: f32,
    activation: Activation,
    tied: bool,
}

fn config(size: Size) -> ModelConfig {
    ModelConfig {
        vocab_size: size.vocab_size,
        hidden_size: size.hidden_size,
        intermediate_size: size.intermediate_size,
        layers: size.layers,
        heads: size.heads,
        kv_heads: size.heads,
        head_dim: size.head_dim,
        context: size.context,
        norm: NormKind::Layer,
        norm_eps: size.norm_eps,
        activation: size.activation,
        gated: false,
        head_norms: false,
        post_norms: false,
        positions: Positions::Learned,
        window: Window::None,
        attention_scale: scale_of(size.head_dim),
        score_cap: None,
        logit_cap: None,
        embedding_scale: None,
        biases: Biases { qkv: true, output: true, feed_forward: true },
        tied: size.tied,
    }
}

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let (hidden_size, heads) =
        (keys.count("embedding_length")?, keys.count("attention.head_count")?);
    Ok(config(Size {
        vocab_size: keys.vocabulary()?,
        hidden_size,
        intermediate_size: keys.count("feed_forward_length")?,
        layers: keys.count("block_count")?,
        heads,
        head_dim: keys.head_dim(hidden_size, heads)?,
        context: keys.count("context_length")?,
        norm_eps: keys.epsilon("attention.layer_norm_epsilon")?,
        activation: Activation::GeluTanh,
        tied: !keys.has_tensor("output.weight"),
    }))
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    for (field, value) in [
        ("scale_attn_weights", false),
        ("scale_attn_by_inverse_layer_idx", true),
        ("add_cross_attention", true),
    ] {
        if fields.boolean(field)? == Some(value) {
            return Err(fields.unsupported(field, value));
        }
    }
    let count =
        |field, default| Ok::<_, InferError>(fields.optional_count(field)?.unwrap_or(default));
    let (hidden_size, heads) = (count("n_embd", 768)?, count("n_head", 12)?);
    Ok(config(Size {
        vocab_size: count("vocab_size", 50_257)?,
        hidden_size,
        intermediate_size: count("n_inner", 4 * hidden_size)?,
        layers: count("n_layer", 12)?,
        heads,
        head_dim: fields.head_dim(hidden_size, heads, None)?,
        context: count("n_positions", 1024)?,
        norm_eps: fields.epsilon("layer_norm_epsilon", 1e-5)?,
        activation: fields.activation(&["activation_function"], Activation::GeluTanh)?,
        tied: fields.boolean("tie_word_embeddings")?.unwrap_or(true),
    }))
}
