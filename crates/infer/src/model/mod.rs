//! Models: loading and running.
//!
//! All [architectures] are one graph with parts that a model has or has not: a decoder of L layers over a residual stream x of width C: x += attention(norm(x)), then
//! x += feed-forward(norm(x)); the norm of the last x times the output matrix gives the logits.

mod activation;
mod architectures;
mod attention;
mod config;
mod fields;
mod forward;
mod hybrid;
mod input_squares;
mod keys;
mod lora;
mod names;
mod norm;
mod plan;
mod rope;
mod step_shape;
mod weights;

use std::path::Path;

use crate::error::InferError;
use crate::gguf::Gguf;
use crate::hf::HfDirectory;
use crate::kv_cache::{CacheShape, RopeFactors, SequenceId};
pub(crate) use architectures::Architecture;
pub(crate) use config::{ModelConfig, NormKind, Positions, Window};
use fields::Fields;
pub use forward::Workspace;
pub use hybrid::ModelPart;
use keys::Keys;
pub use lora::LoraAdapter;
pub(crate) use names::{GGUF as GGUF_NAMES, Names};
pub use plan::{Bound, ModelPlan, StepCost, StepLimit};
use rope::Frequencies;
pub(crate) use rope::{Rope, RopeScaling, RowOrder, yarn_magnitude};
pub use step_shape::StepShape;
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
///
/// Llama 1 to 3, Mistral, Qwen 2 and 3, Gemma 2 and 3, Phi-3, GPT-2, and models that say they are
/// one of them (TinyLlama, SmolLM, Phi-4-mini).
#[derive(Debug)]
pub struct Model {
    architecture: &'static Architecture,
    config: ModelConfig,
    weights: Weights,
    /// Of the rotary embedding.
    frequencies: Frequencies,
    /// The same of layers with a window, where they are others.
    local_frequencies: Frequencies,
}

impl Model {
    /// Loads a model from a GGUF file or a Hugging Face directory.
    ///
    /// Weights stay in the format that they are stored in, repacked for the kernels; nothing is
    /// computed before every tensor was found with the shape that the configuration implies.
    ///
    /// A model has the same bits from either, but for what
    /// [GGUF has no place for](crate::export_gguf).
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
        let (architecture, config) = Model::hugging_face_config(directory)?;
        let weights = Weights::from_hugging_face(directory, architecture.names, &config)?;
        Ok(Model::new(architecture, config, weights))
    }

    /// The model in a GGUF file, which may be dropped afterwards.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, InferError> {
        let (architecture, config) = Model::gguf_config(gguf)?;
        let weights = Weights::from_gguf(gguf, &config, architecture.unsaid.neighbours_turn)?;
        Ok(Model::new(architecture, config, weights))
    }

    /// What a Hugging Face directory says of its model.
    pub(crate) fn hugging_face_config(
        directory: &HfDirectory,
    ) -> Result<(&'static Architecture, ModelConfig), InferError> {
        let file = directory.config_file();
        let fields = Fields::new(&file, directory.config());
        let name = fields.text("model_type")?.ok_or_else(|| fields.missing("model_type"))?;
        let architecture = Architecture::of_model_type(name).ok_or_else(|| {
            let (file, architecture) = (file.clone(), name.to_string());
            InferError::UnsupportedArchitecture { file, architecture }
        })?;
        Ok((architecture, architecture.read_hugging_face(&fields)?))
    }

    /// What a GGUF file says of its model.
    fn gguf_config(gguf: &Gguf) -> Result<(&'static Architecture, ModelConfig), InferError> {
        let name = gguf.str("general.architecture")?;
        let architecture = Architecture::of_gguf(name).ok_or_else(|| {
            let (file, architecture) = (gguf.file().to_string(), name.to_string());
            InferError::UnsupportedArchitecture { file, architecture }
        })?;
        Ok((architecture, architecture.read_gguf(Keys::new(gguf, name))?))
    }

    fn new(architecture: &'static Architecture, config: ModelConfig, weights: Weights) -> Self {
        // The width of a head is what the weights have: only now may it size an allocation.
        let (frequencies, local_frequencies) = match &config.positions {
            Positions::Learned => Default::default(),
            Positions::Rotary { rope, local } => {
                let local =
                    local.as_ref().map_or(Frequencies::default(), |rope| Frequencies::new(rope));
                (Frequencies::new(rope), local)
            }
        };
        Model { architecture, config, weights, frequencies, local_frequencies }
    }

    /// The architecture, as GGUF names it.
    pub fn architecture(&self) -> &'static str {
        self.architecture.name()
    }

    /// What Hugging Face calls the tensors.
    fn names(&self) -> &'static Names {
        self.architecture.names
    }

    /// V, the number of token ids and the width of a row of logits.
    pub fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    /// C, the width of a state.
    pub fn hidden_size(&self) -> usize {
        self.config.hidden_size
    }

    /// The longest sequence that it was made for.
    pub fn context(&self) -> usize {
        self.config.context
    }

    /// The longest sequence whose keys are turned with the short factors.
    pub(crate) fn short_context(&self) -> usize {
        self.config.short_up_to().unwrap_or(usize::MAX)
    }

    /// The factors of the rotary frequencies with which all positions of a sequence of `len` are
    /// turned. Only models with [LongRoPE](https://arxiv.org/abs/2402.13753) have two sets of
    /// them: for them [`RopeFactors::Long`] where `len` is above the original context.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ulp_infer::{KvCache, Model, RopeFactors};
    ///
    /// let model = Model::load("Phi-3-mini-128k-instruct.gguf")?;
    /// assert_eq!(model.rope_factors(4096), RopeFactors::Short);
    /// assert_eq!(model.rope_factors(4097), RopeFactors::Long);
    ///
    /// // A prompt of 10,000 tokens, in as many calls as one likes.
    /// let mut cache = KvCache::new(model.cache_shape(), 16_384);
    /// let sequence = cache.open_with(model.rope_factors(10_000));
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    pub fn rope_factors(&self, len: usize) -> RopeFactors {
        RopeFactors::of(len, self.short_context())
    }

    /// What a [`KvCache`](crate::KvCache) for this model holds.
    pub fn cache_shape(&self) -> CacheShape {
        CacheShape {
            layers: self.config.layers,
            kv_heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
        }
    }
}
