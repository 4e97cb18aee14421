//! Gemma 2: norms before and after each block, capped scores and logits, every other layer with a
//! window.

use super::{
    Architecture, DECODER, Defaults, Unsaid, decoder_from_gguf, decoder_from_hugging_face, scale_of,
};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{Biases, ModelConfig, NormKind, Window};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::GEMMA as NAMES;

pub(super) const GEMMA2: Architecture = Architecture {
    gguf: "gemma2",
    model_types: &["gemma2"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &Unsaid {
        activation: Activation::GeluTanh,
        period: Some(PERIOD),
        attention_scale: |config| gemma_scale(config, LAYERS_OF_27B),
        has_score_cap: true,
        ..DECODER
    },
};

/// Every other layer sees everything, beginning with the second.
const PERIOD: usize = 2;

const LAYERS_OF_27B: usize = 46;

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let config = gemma(decoder_from_gguf(keys)?);
    Ok(ModelConfig {
        // The converter adds the 1.
        norm: NormKind::Rms,
        window: keys.window(Some(PERIOD))?,
        attention_scale: gemma_scale(&config, LAYERS_OF_27B),
        score_cap: keys.positive("attn_logit_softcapping")?,
        logit_cap: keys.positive("final_logit_softcapping")?,
        ..config
    })
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let defaults = Defaults {
        context: Some(8192),
        kv_heads: Some(4),
        head_dim: Some(256),
        eps: 1e-6,
        activation: Activation::GeluTanh,
        tied: true,
    };
    let config = gemma(decoder_from_hugging_face(fields, defaults)?);
    let window = match fields.contains("sliding_window") {
        true => fields.optional_count("sliding_window")?,
        false => Some(4096),
    };
    let periodic = |window| Window::Periodic { window, period: PERIOD };
    Ok(ModelConfig {
        window: fields.window(window, periodic)?,
        score_cap: cap(fields, "attn_logit_softcapping", Some(50.0))?,
        logit_cap: cap(fields, "final_logit_softcapping", Some(30.0))?,
        ..from_config(fields, config)?
    })
}

/// A cap; `null` is none, and so may silence be.
pub(super) fn cap(
    fields: &Fields<'_>,
    field: &str,
    silent: Option<f32>,
) -> Result<Option<f32>, InferError> {
    match fields.contains(field) {
        true => Ok(fields.positive(field)?.map(|cap| cap as f32)),
        false => Ok(silent),
    }
}

/// What Gemma 2 and 3 have in common.
pub(super) fn gemma(config: ModelConfig) -> ModelConfig {
    ModelConfig {
        norm: NormKind::RmsFromOne,
        activation: Activation::GeluTanh,
        post_norms: true,
        embedding_scale: Some((config.hidden_size as f32).sqrt()),
        ..config
    }
}

/// What a `config.json` of Gemma 2 and 3 says alike.
pub(super) fn from_config(
    fields: &Fields<'_>,
    config: ModelConfig,
) -> Result<ModelConfig, InferError> {
    let activations = ["hidden_activation", "hidden_act"];
    let scalar = fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0);
    let attention = fields.boolean("attention_bias")?.unwrap_or(false);
    if fields.boolean("use_bidirectional_attention")?.unwrap_or(false) {
        return Err(fields.unsupported("use_bidirectional_attention", true));
    }
    Ok(ModelConfig {
        activation: fields.activation(&activations, Activation::GeluTanh)?,
        attention_scale: 1.0 / (scalar as f32).sqrt(),
        biases: Biases { qkv: attention, output: attention, feed_forward: false },
        ..config
    })
}

/// What scores are multiplied by in GGUF files, which do not say it. It is the 27B model that is not
/// like the others: there it is by the width of a head if heads filled the residual stream.
pub(super) fn gemma_scale(config: &ModelConfig, layers_of_27b: usize) -> f32 {
    match config.layers == layers_of_27b {
        true => scale_of(config.hidden_size / config.heads),
        false => scale_of(config.head_dim),
    }
}
