//! What a GGUF file says beside its tensors.

use std::path::Path;

use serde_json::Value as Json;
use ulp_nn::{Architecture, LlamaConfig, NnError, RopeScaling};

use crate::error::InferError;
use crate::gguf::{Array, GgufWriter};
use crate::quant::TensorType;
use crate::tokenizer::Tokenizer;

/// The version of the block formats that all files of today have.
const QUANTIZATION_VERSION: u32 = 2;

/// The name of an architecture in GGUF, which begins its keys.
pub(super) fn architecture_name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Qwen2 => "qwen2",
        _ => "llama",
    }
}

/// The keys `general.*` and those of the architecture.
pub(super) fn model(writer: &mut GgufWriter<'_>, config: &LlamaConfig, ty: TensorType) {
    let name = architecture_name(config.architecture);
    writer.set("general.architecture", name);
    writer.set("general.type", "model");
    if let Some(file_type) = file_type(ty) {
        writer.set("general.file_type", file_type);
    }
    writer.set("general.quantization_version", QUANTIZATION_VERSION);
    for (key, value) in counts(config) {
        // Every count is below 2^31: `LlamaConfig` checks that.
        writer.set(&format!("{name}.{key}"), value as u32);
    }
    writer.set(&format!("{name}.attention.layer_norm_rms_epsilon"), config.rms_norm_eps as f32);
    writer.set(&format!("{name}.rope.freq_base"), config.rope_theta as f32);
    if let RopeScaling::Linear { factor } = config.rope_scaling {
        writer.set(&format!("{name}.rope.scaling.type"), "linear");
        writer.set(&format!("{name}.rope.scaling.factor"), factor as f32);
    }
}

fn counts(config: &LlamaConfig) -> [(&'static str, usize); 10] {
    [
        ("vocab_size", config.vocab_size),
        ("context_length", config.max_position_embeddings),
        ("embedding_length", config.hidden_size),
        ("block_count", config.num_hidden_layers),
        ("feed_forward_length", config.intermediate_size),
        ("attention.head_count", config.num_attention_heads),
        ("attention.head_count_kv", config.num_key_value_heads),
        ("attention.key_length", config.head_dim),
        ("attention.value_length", config.head_dim),
        ("rope.dimension_count", config.head_dim),
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

/// The keys `tokenizer.ggml.*`.
pub(super) fn tokenizer(
    writer: &mut GgufWriter<'_>,
    tokenizer: &Tokenizer,
) -> Result<(), InferError> {
    let vocabulary = tokenizer.to_gguf()?;
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
    let bytes = std::fs::read(&path).map_err(|e| InferError::io(&path, e))?;
    let config: Json = serde_json::from_slice(&bytes).map_err(|source| NnError::Json {
        file: path.display().to_string(),
        offset: 0,
        source,
    })?;
    Ok(config["chat_template"].as_str().map(str::to_string))
}
