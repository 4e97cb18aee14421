//! Llama-shaped models: loading and running.
//!
//! A decoder of L layers over a residual stream x of width C: x += attention(norm(x)), then
//! x += feed-forward(norm(x)); the norm of the last x times the output matrix gives the logits.

mod attention;
mod config;
mod forward;
mod rope;
mod weights;

use std::path::Path;

use ulp_nn::LlamaConfig;

use crate::error::InferError;
use crate::gguf::Gguf;
use crate::hf::HfDirectory;
use crate::kv_cache::{CacheShape, SequenceId};
use config::ModelConfig;
pub use forward::Workspace;
pub(crate) use weights::TENSOR_NAMES;
use weights::Weights;

/// Which rows of an [`Input`] give logits. The product with the output matrix is the largest of
/// all: a prompt needs it for its last token only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitRows {
    /// None: a part of a prompt that goes on.
    None,
    /// That of the last token.
    Last,
    /// Those of this many tokens at the end, or of all if there are fewer.
    Final(usize),
    /// All.
    All,
}

/// New tokens of a sequence.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The sequence.
    pub sequence: SequenceId,
    /// Tokens that follow those it has.
    pub tokens: &'a [u32],
    /// The rows that give logits.
    pub logits: LogitRows,
}

/// A model: configuration and weights. Nothing in it changes after loading.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    weights: Weights,
    inverse_frequencies: Vec<f32>,
}

impl Model {
    /// Loads a model from a GGUF file or a Hugging Face directory.
    ///
    /// Quantized weights are used where they lie in the file; nothing is computed before every
    /// tensor was found with the shape that the configuration implies.
    ///
    /// # Errors
    ///
    /// Those of [`Gguf::open`] or [`HfDirectory::open`], and an error that names the key or tensor at fault.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, InferError> {
        let path = path.as_ref();
        if path.is_dir() {
            Model::from_hugging_face(&HfDirectory::open(path)?)
        } else {
            Model::from_gguf(&Gguf::open(path)?)
        }
    }

    /// The model in a Hugging Face directory, which may be dropped afterwards.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn from_hugging_face(directory: &HfDirectory) -> Result<Self, InferError> {
        let config = ModelConfig::from_hugging_face(directory.config().clone());
        let weights = Weights::from_hugging_face(directory, &config)?;
        Model::new(&directory.path().display().to_string(), config, weights)
    }

    /// The model in a GGUF file, which may be dropped afterwards.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, InferError> {
        let config = ModelConfig::from_gguf(gguf)?;
        let weights = Weights::from_gguf(gguf, &config)?;
        Model::new(gguf.file(), config, weights)
    }

    fn new(file: &str, config: ModelConfig, weights: Weights) -> Result<Self, InferError> {
        // The width of a head is what the weights have: only now may it size an allocation.
        let mut inverse_frequencies = config.llama.rope_inverse_frequencies();
        if let Some(divisors) = &weights.rope_divisors {
            for (frequency, &divisor) in inverse_frequencies.iter_mut().zip(divisors) {
                if !(divisor.is_finite() && divisor > 0.0) {
                    return Err(InferError::InvalidConfig {
                        file: file.to_string(),
                        key: "rope_freqs.weight".to_string(),
                        value: divisor.to_string(),
                        expected: "finite numbers above 0",
                    });
                }
                *frequency /= divisor;
            }
        }
        Ok(Model { config, weights, inverse_frequencies })
    }

    /// What the model is, in Hugging Face's terms.
    pub fn config(&self) -> &LlamaConfig {
        &self.config.llama
    }

    /// V, the number of token ids and the width of a row of logits.
    pub fn vocab_size(&self) -> usize {
        self.config.llama.vocab_size
    }

    /// The longest sequence that it was made for.
    pub fn context(&self) -> usize {
        self.config.llama.max_position_embeddings
    }

    /// What a [`KvCache`](crate::KvCache) for this model holds.
    pub fn cache_shape(&self) -> CacheShape {
        let llama = &self.config.llama;
        CacheShape {
            layers: llama.num_hidden_layers,
            kv_heads: llama.num_key_value_heads,
            head_dim: llama.head_dim,
        }
    }
}
