//! Qwen 2 and 2.5: Llama's graph with biases on q, k and v.

use super::{Architecture, DECODER, Defaults, decoder_from_gguf, decoder_from_hugging_face};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{Biases, ModelConfig, Window};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::LLAMA as NAMES;

pub(super) const QWEN2: Architecture = Architecture {
    gguf: "qwen2",
    model_types: &["qwen2"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &DECODER,
};

const BIASES: Biases = Biases { qkv: true, output: false, feed_forward: false };

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let config = decoder_from_gguf(keys)?;
    Ok(ModelConfig { window: keys.window(None)?, ..config })
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let defaults = Defaults {
        context: Some(32_768),
        kv_heads: Some(32),
        head_dim: None,
        eps: 1e-6,
        activation: Activation::Silu,
        tied: false,
    };
    let config = decoder_from_hugging_face(fields, defaults)?;
    Ok(ModelConfig { window: window(fields, config.layers)?, biases: BIASES, ..config })
}

/// The window of Qwen's later layers, which is off unless a file switches it on.
pub(super) fn window(fields: &Fields<'_>, layers: usize) -> Result<Window, InferError> {
    let is_on = fields.boolean("use_sliding_window")?.unwrap_or(false);
    let size = match (is_on, fields.contains("sliding_window")) {
        (false, _) => None,
        (true, true) => fields.optional_count("sliding_window")?,
        (true, false) => Some(4096),
    };
    let whole = fields.get("max_window_layers").map_or(Ok(28), |value| {
        let expected = "a number of layers";
        value.as_u64().ok_or_else(|| fields.invalid("max_window_layers", value, expected))
    })?;
    fields.window(size, |window| match whole {
        0 => Window::All(window),
        _ => {
            // Layers beyond the list see everything, so the list need not be longer than the model.
            let first = usize::try_from(whole).unwrap_or(usize::MAX);
            let layers = layers.min(MAX_LISTED);
            Window::Listed { window, layers: (0..layers).map(|layer| layer >= first).collect() }
        }
    })
}

/// No model has so many layers: what a file merely claims is not allocated.
const MAX_LISTED: usize = 1 << 16;
