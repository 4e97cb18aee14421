//! What a GGUF file says beside its tensors.

use std::path::Path;

use serde_json::Value as Json;
use ulp_nn::NnError;

use super::positions::{self, Scribe};
use crate::error::InferError;
use crate::gguf::{Array, GgufWriter};
use crate::hf::HfDirectory;
use crate::model::{Architecture, ModelConfig, NormKind, Positions};
use crate::quant::TensorType;
use crate::tokenizer::{TokenKind, Tokenizer};

/// The version of the block formats that all files of today have.
const QUANTIZATION_VERSION: u32 = 2;

/// The keys `general.*` and those of the architecture, with the tensors of the rotary embedding.
///
/// # Errors
///
/// [`InferError::UnsupportedFeature`] for what the format has no place for.
pub(super) fn model(
    writer: &mut GgufWriter<'_>,
    architecture: &'static Architecture,
    config: &ModelConfig,
    file: &str,
    ty: TensorType,
) -> Result<(), InferError> {
    writer.set("general.architecture", architecture.name());
    writer.set("general.type", "model");
    if let Some(file_type) = file_type(ty) {
        writer.set("general.file_type", file_type);
    }
    writer.set("general.quantization_version", QUANTIZATION_VERSION);
    let mut scribe = Scribe { writer, architecture, file };
    refuse_unsaid(&scribe, config)?;
    for (key, value) in counts(config) {
        scribe.count(key, value);
    }
    let epsilon = match config.norm {
        NormKind::Rms | NormKind::RmsFromOne => "attention.layer_norm_rms_epsilon",
        NormKind::Layer => "attention.layer_norm_epsilon",
    };
    if let Positions::Rotary { rope, .. } = &config.positions {
        scribe.count("rope.dimension_count", rope.width);
    }
    scribe.set(epsilon, config.norm_eps);
    positions::rotary(&mut scribe, config)?;
    positions::window(&mut scribe, config);
    let caps = [
        ("attn_logit_softcapping", config.score_cap),
        ("final_logit_softcapping", config.logit_cap),
    ];
    for (key, cap) in caps {
        if let Some(cap) = cap {
            scribe.set(key, cap);
        }
    }
    Ok(())
}

/// What the architecture's files do not say must be as its readers take it to be.
fn refuse_unsaid(scribe: &Scribe<'_, '_>, config: &ModelConfig) -> Result<(), InferError> {
    let unsaid = scribe.architecture.unsaid;
    if config.activation != unsaid.activation {
        return Err(scribe.unsupported("hidden_act", config.activation));
    }
    if config.attention_scale != (unsaid.attention_scale)(config) {
        let scalar = 1.0 / (config.attention_scale * config.attention_scale);
        return Err(scribe.unsupported("query_pre_attn_scalar", scalar));
    }
    match config.score_cap {
        Some(cap) if !unsaid.has_score_cap => {
            Err(scribe.unsupported("attn_logit_softcapping", cap))
        }
        _ => Ok(()),
    }
}

fn counts(config: &ModelConfig) -> [(&'static str, usize); 9] {
    [
        ("vocab_size", config.vocab_size),
        ("context_length", config.context),
        ("embedding_length", config.hidden_size),
        ("block_count", config.layers),
        ("feed_forward_length", config.intermediate_size),
        ("attention.head_count", config.heads),
        ("attention.head_count_kv", config.kv_heads),
        ("attention.key_length", config.head_dim),
        ("attention.value_length", config.head_dim),
    ]
}

/// llama.cpp's number for a file whose matrices are mostly of this type.
fn file_type(ty: TensorType) -> Option<u32> {
    Some(match ty {
        TensorType::F32 => 0,
        TensorType::F16 => 1,
        TensorType::Q4_0 => 2,
        TensorType::Q4_1 => 3,
        TensorType::Q8_0 => 7,
        TensorType::Q5_0 => 8,
        TensorType::Q5_1 => 9,
        TensorType::Q2_K => 10,
        TensorType::Q3_K => 12,
        TensorType::Q4_K => 15,
        TensorType::Q5_K => 17,
        TensorType::Q6_K => 18,
        TensorType::BF16 => 32,
        _ => return None,
    })
}

/// The keys `tokenizer.ggml.*`. The list of tokens gets an unused one for each row that the
/// embedding has beyond them: llama.cpp takes its length for the number of rows.
///
/// # Errors
///
/// [`InferError::InvalidConfig`] if there are more tokens than rows, or if generation ends at a token
/// without a row; those of [`Tokenizer::to_gguf`].
pub(super) fn tokenizer(
    writer: &mut GgufWriter<'_>,
    tokenizer: &Tokenizer,
    rows: usize,
    directory: &HfDirectory,
) -> Result<(), InferError> {
    let mut vocabulary = tokenizer.to_gguf()?;
    if vocabulary.tokens.len() > rows {
        return Err(InferError::InvalidConfig {
            file: directory.config_file(),
            key: "vocab_size".to_string(),
            value: rows.to_string(),
            expected: "a row for each token of the tokenizer",
        });
    }
    if let Some(id) = tokenizer.eog_ids().iter().find(|&&id| id as usize >= rows) {
        return Err(InferError::InvalidConfig {
            file: file_of_ends(directory.path())?,
            key: "eos_token_id".to_string(),
            value: id.to_string(),
            expected: "tokens below the vocabulary's size",
        });
    }
    for id in vocabulary.tokens.len()..rows {
        vocabulary.tokens.push(format!("[PAD{id}]"));
        vocabulary.token_type.push(TokenKind::Unused as i32);
        vocabulary.scores.iter_mut().for_each(|scores| scores.push(0.0));
    }
    let mut set = |key: &str, value: crate::gguf::Value| {
        writer.set(&format!("tokenizer.ggml.{key}"), value);
    };
    set("model", vocabulary.model.into());
    set("pre", vocabulary.pre.into());
    set("tokens", vocabulary.tokens.into_iter().collect::<Array>().into());
    if let Some(scores) = vocabulary.scores {
        set("scores", scores.into_iter().collect::<Array>().into());
    }
    set("token_type", vocabulary.token_type.into_iter().collect::<Array>().into());
    if let Some(merges) = vocabulary.merges {
        set("merges", merges.into_iter().collect::<Array>().into());
    }
    // The format has a place for two ends of generation beside the end of a sequence.
    let other_ends = tokenizer.eog_ids().iter().filter(|&&id| Some(id) != vocabulary.eos_token_id);
    let mut other_ends = other_ends.copied();
    let ids = [
        ("bos_token_id", vocabulary.bos_token_id),
        ("eos_token_id", vocabulary.eos_token_id),
        ("unknown_token_id", vocabulary.unknown_token_id),
        ("eot_token_id", other_ends.next()),
        ("eom_token_id", other_ends.next()),
    ];
    for (key, id) in ids {
        if let Some(id) = id {
            set(key, id.into());
        }
    }
    set("add_bos_token", vocabulary.add_bos_token.into());
    set("add_eos_token", vocabulary.add_eos_token.into());
    if let Some(prefix) = vocabulary.add_space_prefix {
        set("add_space_prefix", prefix.into());
    }
    Ok(())
}

/// The file that says at which ids generation ends: the first that says so counts.
fn file_of_ends(directory: &Path) -> Result<String, InferError> {
    let path = directory.join("generation_config.json");
    let says_so = path.exists() && read_json(&path)?.get("eos_token_id").is_some();
    let path = if says_so { path } else { directory.join("config.json") };
    Ok(path.display().to_string())
}

/// The chat template, if the directory has one: `chat_template.jinja`, or else the field of
/// `tokenizer_config.json`.
pub(super) fn chat_template(
    writer: &mut GgufWriter<'_>,
    directory: &Path,
) -> Result<(), InferError> {
    if let Some(template) = read_chat_template(directory)? {
        writer.set("tokenizer.chat_template", template);
    }
    Ok(())
}

fn read_chat_template(directory: &Path) -> Result<Option<String>, InferError> {
    let own = directory.join("chat_template.jinja");
    if own.exists() {
        return std::fs::read_to_string(&own).map(Some).map_err(|e| InferError::io(&own, e));
    }
    let path = directory.join("tokenizer_config.json");
    if !path.exists() {
        return Ok(None);
    }
    Ok(read_json(&path)?["chat_template"].as_str().map(str::to_string))
}

fn read_json(path: &Path) -> Result<Json, InferError> {
    let bytes = std::fs::read(path).map_err(|e| InferError::io(path, e))?;
    let parsed = serde_json::from_slice(&bytes);
    parsed.map_err(|source| {
        NnError::Json { file: path.display().to_string(), offset: 0, source }.into()
    })
}
