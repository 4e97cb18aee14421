//! Tensors under GGUF's names, in GGUF's order of rows.

use ulp_nn::{Architecture, LlamaConfig, RopeScaling};

use crate::error::InferError;
use crate::gguf::GgufWriter;
use crate::hf::HfDirectory;
use crate::model::{GGUF_NAMES, LLAMA_NAMES, Names, neighbours_rotate};
use crate::quant::{TensorType, quantize};

/// Adds every tensor of the model.
///
/// # Errors
///
/// [`InferError::UnexpectedTensor`] for a tensor that has no place in a Llama; those of reading.
pub(super) fn write(
    writer: &mut GgufWriter<'_>,
    directory: &HfDirectory,
    config: &LlamaConfig,
    ty: TensorType,
) -> Result<(), InferError> {
    if let Some(divisors) = rope_divisors(config) {
        let stored = store(TensorType::F32, "rope_freqs.weight", directory, &divisors)?;
        writer.tensor("rope_freqs.weight", &[divisors.len()], TensorType::F32, stored);
    }
    for name in directory.names() {
        if is_left_out(name, config) {
            continue;
        }
        let Some((gguf_name, heads)) = place(name, config) else {
            let (file, tensor) = (directory.path().display().to_string(), name.to_string());
            return Err(InferError::UnexpectedTensor { file, tensor });
        };
        let shape = directory.shape(name).unwrap_or_default().to_vec();
        let mut values = directory.values(name)?;
        if let Some(heads) = heads {
            values = neighbours_rotate(&values, shape[0], heads);
        }
        let ty = stored_type(&shape, ty);
        writer.tensor(&gguf_name, &shape, ty, store(ty, name, directory, &values)?);
    }
    Ok(())
}

type Name = fn(&Names) -> &'static str;

/// Tensors outside the layers.
const WHOLE: [Name; 2] = [|names| names.embedding, |names| names.output_norm];

/// Tensors of a layer.
const LAYER: [Name; 9] = [
    |names| names.attention_norm,
    |names| names.query,
    |names| names.key,
    |names| names.value,
    |names| names.attention_output,
    |names| names.feed_forward_norm,
    |names| names.gate,
    |names| names.up,
    |names| names.down,
];

/// What transformers itself does not read: see `Weights::from_hugging_face`.
fn is_left_out(name: &str, config: &LlamaConfig) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
        || (config.tie_word_embeddings && name == "lm_head.weight")
}

/// The name of a tensor in GGUF, and how many heads its rows are to be reordered in.
fn place(name: &str, config: &LlamaConfig) -> Option<(String, Option<usize>)> {
    let (stem, kind) = name.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    if stem == LLAMA_NAMES.output {
        return Some((format!("{}.{kind}", GGUF_NAMES.output), None));
    }
    let stem = stem.strip_prefix(LLAMA_NAMES.prefixes[0])?;
    let whole = WHOLE.into_iter().find(|name| name(&LLAMA_NAMES) == stem);
    if let Some(name) = whole {
        return Some((format!("{}.{kind}", name(&GGUF_NAMES)), None));
    }
    let (layer, part) = stem.strip_prefix("layers.")?.split_once('.')?;
    let layer: usize = layer.parse().ok().filter(|&layer| layer < config.num_hidden_layers)?;
    let ours = LAYER.into_iter().find(|name| name(&LLAMA_NAMES) == part)?(&GGUF_NAMES);
    let reordered = config.architecture == Architecture::Llama;
    let heads = match part {
        "self_attn.q_proj" if reordered => Some(config.num_attention_heads),
        "self_attn.k_proj" if reordered => Some(config.num_key_value_heads),
        _ => None,
    };
    Some((format!("blk.{layer}.{ours}.{kind}"), heads))
}

/// Vectors stay f32; a matrix whose rows do not fill blocks becomes F16.
fn stored_type(shape: &[usize], ty: TensorType) -> TensorType {
    match shape {
        [_, columns] if columns.is_multiple_of(ty.block_elements()) => ty,
        [_, _] => TensorType::F16,
        _ => TensorType::F32,
    }
}

fn store(
    ty: TensorType,
    name: &str,
    directory: &HfDirectory,
    values: &[f32],
) -> Result<Vec<u8>, InferError> {
    quantize(ty, values).map_err(|error| error.named(&directory.path().display().to_string(), name))
}

/// How GGUF states Llama 3's scaling: what each rotary frequency is divided by.
fn rope_divisors(config: &LlamaConfig) -> Option<Vec<f32>> {
    let RopeScaling::Llama3 { .. } = config.rope_scaling else { return None };
    let plain = LlamaConfig { rope_scaling: RopeScaling::None, ..config.clone() };
    let (plain, scaled) = (plain.rope_inverse_frequencies(), config.rope_inverse_frequencies());
    Some(plain.iter().zip(scaled).map(|(plain, scaled)| plain / scaled).collect())
}
