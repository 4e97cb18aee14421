//! Gemma 3 (text): Gemma 2 with norms of heads in place of capped scores, five layers with a window
//! to one without, and frequencies of their own for the former.

use super::gemma2::{cap, from_config, gemma, gemma_scale};
use super::{
    Architecture, DECODER, Defaults, Unsaid, decoder_from_gguf, decoder_from_hugging_face,
};
use crate::error::InferError;
use crate::model::activation::Activation;
use crate::model::config::{ModelConfig, NormKind, Positions, Window};
use crate::model::fields::Fields;
use crate::model::keys::Keys;
use crate::model::names::GEMMA as NAMES;
use crate::model::rope::Rope;

pub(super) const GEMMA3: Architecture = Architecture {
    gguf: "gemma3",
    model_types: &["gemma3_text", "gemma3"],
    from_gguf,
    from_hugging_face,
    names: &NAMES,
    unsaid: &Unsaid {
        activation: Activation::GeluTanh,
        period: Some(PERIOD),
        attention_scale: |config| gemma_scale(config, LAYERS_OF_27B),
        ..DECODER
    },
};

/// Each sixth layer sees everything.
const PERIOD: usize = 6;

const LAYERS_OF_27B: usize = 62;

/// θ of the layers with a window.
const LOCAL_THETA: f64 = 10_000.0;

fn from_gguf(keys: Keys<'_>) -> Result<ModelConfig, InferError> {
    let config = gemma(decoder_from_gguf(keys)?);
    let local_theta = keys.theta("rope.freq_base_swa")?.unwrap_or(LOCAL_THETA);
    let attention_scale = gemma_scale(&config, LAYERS_OF_27B);
    let positions = match keys.has("rope.freq_base") {
        true => config.positions.clone(),
        // Silence means the original model's base here.
        false => with_theta(config.positions.clone(), 1_000_000.0),
    };
    Ok(ModelConfig {
        norm: NormKind::Rms,
        head_norms: true,
        positions: with_local(positions, |rope| unscaled(rope, local_theta)),
        window: keys.window(Some(PERIOD))?,
        attention_scale,
        logit_cap: keys.positive("final_logit_softcapping")?,
        ..config
    })
}

fn from_hugging_face(fields: &Fields<'_>) -> Result<ModelConfig, InferError> {
    let text = fields.object("text_config")?;
    let fields = text.as_ref().unwrap_or(fields);
    let defaults = Defaults {
        context: Some(131_072),
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
    let period = fields.optional_count("sliding_window_pattern")?;
    let period = period.or(fields.optional_count("_sliding_window_pattern")?).unwrap_or(PERIOD);
    let is_nested =
        fields.object("rope_parameters")?.is_some_and(|all| all.contains("full_attention"));
    let local = match is_nested {
        true => fields.rope(Some("sliding_attention"), config.head_dim, config.context)?,
        false => {
            let theta = fields.positive("rope_local_base_freq")?.unwrap_or(LOCAL_THETA);
            let width = config.head_dim;
            Rope::plain(width, theta)
        }
    };
    if local.short_up_to().is_some() && local.short_up_to() != config.short_up_to() {
        return Err(fields.unsupported("rope_parameters.sliding_attention", "another context"));
    }
    let positions = match is_nested || fields.contains("rope_theta") {
        true => config.positions.clone(),
        false => with_theta(config.positions.clone(), 1_000_000.0),
    };
    let periodic = |window| Window::Periodic { window, period };
    Ok(ModelConfig {
        head_norms: true,
        positions: with_local(positions, |_| local),
        window: fields.window(window, periodic)?,
        score_cap: cap(fields, "attn_logit_softcapping", None)?,
        logit_cap: cap(fields, "final_logit_softcapping", None)?,
        ..from_config(fields, config)?
    })
}

fn with_theta(positions: Positions, theta: f64) -> Positions {
    match positions {
        Positions::Rotary { rope, local } => {
            Positions::Rotary { rope: Rope { theta, ..rope }, local }
        }
        Positions::Learned => Positions::Learned,
    }
}

fn with_local(positions: Positions, local: impl FnOnce(&Rope) -> Rope) -> Positions {
    match positions {
        Positions::Rotary { rope, .. } => {
            let local = Some(Box::new(local(&rope)));
            Positions::Rotary { rope, local }
        }
        Positions::Learned => Positions::Learned,
    }
}

fn unscaled(rope: &Rope, theta: f64) -> Rope {
    Rope::plain(rope.width, theta)
}
