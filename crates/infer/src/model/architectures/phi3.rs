//! Phi-3 and Phi-4-mini: Llama's graph with q, k and v in one matrix and gate and up in another.

use super::{Architecture, DECODER, Defaults, decoder_from_gguf, decoder_from_hugging_face};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{ModelConfig, Window};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::PHI3 as NAMES;

pub(super) const PHI3: Architecture = Architecture {
    gguf: "phi3",
    model_types: &["phi3"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &DECODER,
};

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let config = decoder_from_gguf(keys)?;
    Ok(ModelConfig { window: keys.window(None)?, ..config })
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let defaults = Defaults {
        context: Some(4096),
        kv_heads: None,
        head_dim: None,
        eps: 1e-5,
        activation: Activation::Silu,
        tied: false,
    };
    let config = decoder_from_hugging_face(fields, defaults)?;
    let window = fields.optional_count("sliding_window")?;
    Ok(ModelConfig { window: fields.window(window, Window::All)?, ..config })
}
