//! Qwen 3: Llama's graph with a norm of each query and key head.

use super::qwen2::window;
use super::{Architecture, DECODER, Defaults, decoder_from_gguf, decoder_from_hugging_face};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{Biases, ModelConfig};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::LLAMA as NAMES;

pub(super) const QWEN3: Architecture = Architecture {
    gguf: "qwen3",
    model_types: &["qwen3"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &DECODER,
};

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let config = decoder_from_gguf(keys)?;
    Ok(ModelConfig { head_norms: true, window: keys.window(None)?, ..config })
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let defaults = Defaults {
        context: Some(32_768),
        kv_heads: Some(32),
        head_dim: Some(128),
        eps: 1e-6,
        activation: Activation::Silu,
        tied: false,
    };
    let config = decoder_from_hugging_face(fields, defaults)?;
    let attention = fields.boolean("attention_bias")?.unwrap_or(false);
    Ok(ModelConfig {
        head_norms: true,
        window: window(fields, config.layers)?,
        biases: Biases { qkv: attention, output: attention, feed_forward: false },
        ..config
    })
}
