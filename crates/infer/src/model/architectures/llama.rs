//! Llama 1 to 3, TinyLlama, SmolLM: the graph of which the others are variations.

use super::{
    Architecture, DECODER, Defaults, Unsaid, decoder_from_gguf, decoder_from_hugging_face,
};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{Biases, ModelConfig};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::LLAMA as NAMES;

pub(super) const LLAMA: Architecture = Architecture {
    gguf: "llama",
    model_types: &["llama"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &Unsaid { neighbours_turn: true, ..DECODER },
};

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    // Mistral's files say `llama` too, and may have a window.
    let config = decoder_from_gguf(keys)?;
    Ok(ModelConfig { window: keys.window(None)?, ..config })
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let defaults = Defaults {
        context: Some(2048),
        kv_heads: None,
        head_dim: None,
        eps: 1e-6,
        activation: Activation::Silu,
        tied: false,
    };
    let config = decoder_from_hugging_face(fields, defaults)?;
    fields.window(None, |_| unreachable!("there is no window"))?;
    let attention = fields.boolean("attention_bias")?.unwrap_or(false);
    let feed_forward = fields.boolean("mlp_bias")?.unwrap_or(false);
    Ok(ModelConfig { biases: Biases { qkv: attention, output: attention, feed_forward }, ..config })
}
