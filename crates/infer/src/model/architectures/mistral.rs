//! Mistral: Llama's graph, of which the first version sees the last positions only.

use super::llama::LLAMA;
use super::{Architecture, Defaults, decoder_from_hugging_face};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{ModelConfig, Window};
use crate::model::fields::Fields;
use crate::model::names::LLAMA as NAMES;

pub(super) const MISTRAL: Architecture = Architecture {
    gguf: "llama",
    model_types: &["mistral", "ministral"],
    from_gguf: LLAMA.from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: LLAMA.unsaid,
};

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let defaults = Defaults {
        context: Some(4096 * 32),
        kv_heads: Some(8),
        head_dim: None,
        eps: 1e-6,
        activation: Activation::Silu,
        tied: false,
    };
    let config = decoder_from_hugging_face(fields, defaults)?;
    // An absent field means 4096 in transformers, and `null` means none.
    let window = match fields.contains("sliding_window") {
        true => fields.optional_count("sliding_window")?,
        false => Some(4096),
    };
    Ok(ModelConfig { window: fields.window(window, Window::All)?, ..config })
}
