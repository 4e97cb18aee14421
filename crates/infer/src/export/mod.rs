//! From a Hugging Face directory to a GGUF file.

mod metadata;
mod weights;

use std::path::Path;

use crate::error::InferError;
use crate::gguf::GgufWriter;
use crate::hf::HfDirectory;
use crate::quant::TensorType;
use crate::tokenizer::Tokenizer;

/// Writes the model of a Hugging Face directory as a GGUF file that this crate and llama.cpp read:
/// its configuration, tokenizer, chat template and weights.
///
/// Matrices are stored as `ty`, or as F16 where their rows do not fill the blocks of that type;
/// vectors (gains and biases) are stored as F32. For Llama the rows of the query and key matrices
/// are reordered: Hugging Face rotates element i of a head with element i + D/2, GGUF rotates
/// neighbours.
///
/// `out` is written beside its place and renamed, so that what was there stays until the new file
/// is whole.
///
/// # Errors
///
/// When the directory is not a complete model with a tokenizer, when its tokenizer or rotary
/// scaling has no place in the format, when this crate does not write `ty`, or when the file cannot
/// be written.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{TensorType, export_gguf};
///
/// export_gguf("TinyLlama-1.1B".as_ref(), "tinyllama-q8_0.gguf".as_ref(), TensorType::Q8_0)?;
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
pub fn export_gguf(directory: &Path, out: &Path, ty: TensorType) -> Result<(), InferError> {
    let model = HfDirectory::open(directory)?;
    let tokenizer = Tokenizer::from_dir(directory)?;
    let mut writer = GgufWriter::new();
    let config = model.llama_config()?;
    metadata::model(&mut writer, &config, ty);
    metadata::tokenizer(&mut writer, &tokenizer)?;
    metadata::chat_template(&mut writer, directory)?;
    weights::write(&mut writer, &model, &config, ty)?;
    writer.write_to_file(out)
}
