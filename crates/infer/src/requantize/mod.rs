//! A model in another weight format.

mod collector;
mod dat;
mod importance;
mod mix;
mod weight_error;

use std::borrow::Cow;

use crate::error::InferError;
use crate::gguf::{ALIGNMENT_KEY, Gguf, GgufWriter, Value};
use crate::quant::{TensorType, UnsupportedType, dequantize, quantize_weighted};

pub use collector::ImportanceCollector;
pub use importance::Importance;
use mix::Plan;
pub use mix::{Mix, UnknownMix};
pub use weight_error::WeightError;

/// What became of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorReport {
    /// The name.
    pub name: String,
    /// The shape, outermost dimension first.
    pub shape: Vec<usize>,
    /// The type it had.
    pub from: TensorType,
    /// The type it has now.
    pub to: TensorType,
    /// The bytes it had.
    pub bytes_before: usize,
    /// The bytes it has now.
    pub bytes: usize,
    /// ‖y - x‖ / ‖x‖ of what was stored, x, and what is now, y; 0 where nothing was rounded, NaN where
    /// a number is not finite.
    pub error: f64,
}

/// A model's GGUF file with its matrices in the types of a recipe. Norms, biases and metadata stay
/// as they are; `general.file_type` becomes the recipe's. A tensor that has its type already is not
/// touched; one that is quantized otherwise is quantized again, which loses a little twice.
///
/// `importance` says how much each input of a matrix matters; K formats then round so that the
/// error weighted with it is small. `observe` is told of every tensor when it is done.
///
/// The result does not depend on the number of threads.
///
/// # Errors
///
/// [`InferError::UnsupportedTensorType`] for a tensor that this crate does not read,
/// [`InferError::NonFiniteWeight`] for a weight that blocks of numbers cannot hold, and an error that
/// names the key where the file lacks what a recipe needs.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Gguf, requantize};
///
/// let model = Gguf::open("model-f16.gguf")?;
/// let writer = requantize(&model, "Q4_K_M".parse().unwrap(), None, |tensor| {
///     println!("{} {} -> {}", tensor.name, tensor.from, tensor.to);
/// })?;
/// writer.write_to_file("model-q4_k_m.gguf")?;
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
pub fn requantize<'a>(
    gguf: &'a Gguf,
    mix: Mix,
    importance: Option<&Importance>,
    mut observe: impl FnMut(&TensorReport),
) -> Result<GgufWriter<'a>, InferError> {
    let plan = plan(gguf)?;
    let mut writer = GgufWriter::new();
    for (key, value) in gguf.metadata() {
        writer.set(key, as_written(key, value));
    }
    writer.set("general.file_type", mix.file_type());
    writer.set("general.quantization_version", 2u32);
    for tensor in gguf.tensors() {
        let to = match is_matrix(&tensor.name, &tensor.shape) {
            true => mix.tensor_type(&tensor.name, tensor.shape[1], &plan),
            false => tensor.ty,
        };
        let stored = gguf.bytes_of(tensor);
        let (bytes, error) = if to == tensor.ty {
            (Cow::Borrowed(stored), 0.0)
        } else {
            let named = |e: UnsupportedType| e.named(gguf.file(), &tensor.name);
            let x = dequantize(tensor.ty, stored).map_err(named)?;
            if to.block_elements() > 1 {
                refuse_non_finite(&x, gguf, &tensor.name)?;
            }
            let weights = importance.and_then(|i| i.of(&tensor.name, tensor.shape[1]));
            let bytes = quantize_weighted(to, &x, weights).map_err(named)?;
            let y = dequantize(to, &bytes).map_err(named)?;
            let error = WeightError::of(&x, &y).relative;
            (Cow::Owned(bytes), error)
        };
        observe(&TensorReport {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            from: tensor.ty,
            to,
            bytes_before: tensor.bytes,
            bytes: bytes.len(),
            error,
        });
        writer.tensor(&tensor.name, &tensor.shape, to, bytes);
    }
    Ok(writer)
}

/// A metadata value in the type that it has in files that are written. Alignments are read from any
/// type of integer; others read them as a u32 only.
fn as_written(key: &str, value: &Value) -> Value {
    match value.as_u64().and_then(|v| u32::try_from(v).ok()) {
        Some(alignment) if key == ALIGNMENT_KEY => Value::U32(alignment),
        _ => value.clone(),
    }
}

/// A block has one scale for all its numbers: with one that is not finite, none could be told.
fn refuse_non_finite(x: &[f32], gguf: &Gguf, tensor: &str) -> Result<(), InferError> {
    match x.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(element) => Err(InferError::NonFiniteWeight {
            file: gguf.file().to_string(),
            tensor: tensor.to_string(),
            element,
            value: x[element],
        }),
    }
}

/// Tables that turn positions or experts into numbers are matrices by shape alone.
fn is_matrix(name: &str, shape: &[usize]) -> bool {
    shape.len() == 2 && name.ends_with(".weight") && !name.contains("_norm.")
}

fn plan(gguf: &Gguf) -> Result<Plan, InferError> {
    let architecture = gguf.str("general.architecture")?;
    let count = |key: &str| gguf.usize(&format!("{architecture}.{key}"));
    let (heads, layers) = (count("attention.head_count")?, count("block_count")?);
    // Where the key is absent, every head has its own keys.
    let kv_heads = count("attention.head_count_kv").unwrap_or(heads);
    let group = heads.checked_div(kv_heads).unwrap_or(1);
    Ok(Plan { layers, group, tied: gguf.tensor("output.weight").is_none() })
}
