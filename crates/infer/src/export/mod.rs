//! From a Hugging Face directory to a GGUF file.

mod metadata;
mod positions;
mod weights;

use std::path::Path;

use crate::error::InferError;
use crate::gguf::GgufWriter;
use crate::hf::HfDirectory;
use crate::model::Model;
use crate::quant::TensorType;
use crate::tokenizer::Tokenizer;
use weights::Exported;

/// Writes the model of a Hugging Face directory as a GGUF file that this crate and llama.cpp read:
/// its configuration, tokenizer, chat template and weights.
///
/// All [architectures](Model) that are read are written. Matrices are stored as `ty`, or as F16
/// where their rows do not fill the blocks of that type; vectors (gains and biases) and learned
/// positions are stored as F32.
///
/// As F32 the file is the same model, to the last bit of a logit, but for numbers of the configuration
/// that are f64 there and f32 in GGUF, and for Llama 3's scaling, which GGUF states as a divisor of each
/// frequency: where no quotient is the scaled frequency, the nearest is taken. (The rows of the query and
/// key matrices of Llama and Mistral have another order there: Hugging Face's files rotate element i of a
/// head with element i + D/2, GGUF files neighbours. They are put back when a file is read.)
///
/// `out` is written beside its place and renamed, so that what was there stays until the new file
/// is whole.
///
/// # Errors
///
/// When the directory is not a complete model with a tokenizer; [`InferError::UnsupportedFeature`]
/// when something of it has no place in the format (the dynamic rotary scaling, a scale of scores or
/// an activation that is not the architecture's); when its tokenizer has none; when this crate does
/// not write `ty`; or when the file cannot be written.
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
    let (file, (architecture, config)) = (model.config_file(), Model::hugging_face_config(&model)?);
    // Every tensor is there and has its place.
    Model::from_hugging_face(&model)?;
    metadata::model(&mut writer, architecture, &config, &file, ty)?;
    metadata::tokenizer(&mut writer, &tokenizer, config.vocab_size, &model)?;
    metadata::chat_template(&mut writer, directory)?;
    Exported { directory: &model, architecture, config: &config, ty }.write(&mut writer)?;
    writer.write_to_file(out)
}
