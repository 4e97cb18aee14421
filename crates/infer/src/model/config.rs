//! What a model is, apart from its weights.

use ulp_nn::{Architecture, LlamaConfig, RopeScaling};

use super::rope::RopePairs;
use crate::error::InferError;
use crate::gguf::Gguf;

/// No dimension of a model may reach this: products of two stay far inside 64 bits.
const MAX_DIMENSION: usize = 1 << 31;

/// The configuration and what follows from the kind of file it came from.
#[derive(Debug, Clone)]
pub(crate) struct ModelConfig {
    pub(crate) llama: LlamaConfig,
    pub(crate) rope_pairs: RopePairs,
}

impl ModelConfig {
    /// The configuration of a Hugging Face directory: its `config.json`.
    pub(crate) fn from_hugging_face(llama: LlamaConfig) -> Self {
        ModelConfig { llama, rope_pairs: RopePairs::Halves }
    }

    /// The configuration in a GGUF file's metadata: the keys `general.architecture` and
    /// `ARCHITECTURE.*`.
    ///
    /// # Errors
    ///
    /// [`InferError::UnsupportedArchitecture`], [`InferError::UnsupportedFeature`],
    /// [`InferError::InvalidConfig`], [`InferError::MissingKey`], [`InferError::WrongType`], each
    /// naming the key.
    pub(crate) fn from_gguf(gguf: &Gguf) -> Result<Self, InferError> {
        let name = gguf.str("general.architecture")?;
        let (architecture, rope_pairs) = match name {
            // The converter reorders the rows of q and k for this architecture only.
            "llama" => (Architecture::Llama, RopePairs::Adjacent),
            "qwen2" => (Architecture::Qwen2, RopePairs::Halves),
            _ => {
                return Err(InferError::UnsupportedArchitecture {
                    file: gguf.file().to_string(),
                    architecture: name.to_string(),
                });
            }
        };
        let keys = Keys { gguf, prefix: name };
        keys.refuse_other_graphs()?;

        let hidden_size = keys.count("embedding_length")?;
        let heads = keys.count("attention.head_count")?;
        let kv_heads = match keys.optional_count("attention.head_count_kv")? {
            Some(n) => n,
            None => heads,
        };
        if !heads.is_multiple_of(kv_heads) {
            return Err(keys.invalid(
                "attention.head_count_kv",
                kv_heads,
                "a divisor of the heads",
            ));
        }
        let head_dim = keys.head_dim(hidden_size, heads)?;
        let eps = keys.float("attention.layer_norm_rms_epsilon")?;
        if !(0.0..1.0).contains(&eps) {
            let key = "attention.layer_norm_rms_epsilon";
            return Err(keys.invalid(key, eps, "a number in [0, 1)"));
        }
        let theta = keys.optional_float("rope.freq_base")?.unwrap_or(10_000.0);
        if !(theta.is_finite() && theta > 1.0) {
            return Err(keys.invalid("rope.freq_base", theta, "a finite number above 1"));
        }
        let llama = LlamaConfig {
            architecture,
            vocab_size: vocabulary(gguf)?,
            hidden_size,
            intermediate_size: keys.count("feed_forward_length")?,
            num_hidden_layers: keys.count("block_count")?,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            max_position_embeddings: keys.count("context_length")?,
            rms_norm_eps: f64::from(eps),
            rope_theta: f64::from(theta),
            rope_scaling: keys.rope_scaling()?,
            attention_bias: false,
            mlp_bias: false,
            tie_word_embeddings: gguf.tensor("output.weight").is_none(),
            initializer_range: 0.02,
            attention_dropout: 0.0,
            bos_token_id: keys.token("bos_token_id"),
            eos_token_id: keys.token("eos_token_id").into_iter().collect(),
            pad_token_id: None,
        };
        Ok(ModelConfig { llama, rope_pairs })
    }
}

/// The number of rows of the embedding: what the output has to have, whatever the list of tokens
/// says.
fn vocabulary(gguf: &Gguf) -> Result<usize, InferError> {
    let name = "token_embd.weight";
    let tensor = gguf.tensor(name).ok_or_else(|| InferError::MissingTensor {
        file: gguf.file().to_string(),
        tensor: name.to_string(),
    })?;
    match tensor.shape.first() {
        Some(&rows) if rows > 0 && rows < MAX_DIMENSION => Ok(rows),
        _ => Err(InferError::InvalidConfig {
            file: gguf.file().to_string(),
            key: name.to_string(),
            value: format!("{:?}", tensor.shape),
            expected: "a row for each token",
        }),
    }
}

/// The keys of one architecture.
struct Keys<'a> {
    gguf: &'a Gguf,
    prefix: &'a str,
}

impl Keys<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn count(&self, name: &str) -> Result<usize, InferError> {
        let n = self.gguf.usize(&self.key(name))?;
        if n == 0 || n >= MAX_DIMENSION {
            return Err(self.invalid(name, n, "above 0, below 2^31"));
        }
        Ok(n)
    }

    fn optional_count(&self, name: &str) -> Result<Option<usize>, InferError> {
        if self.has(name) { self.count(name).map(Some) } else { Ok(None) }
    }

    fn float(&self, name: &str) -> Result<f32, InferError> {
        self.gguf.f32(&self.key(name))
    }

    fn optional_float(&self, name: &str) -> Result<Option<f32>, InferError> {
        if self.has(name) { self.float(name).map(Some) } else { Ok(None) }
    }

    fn has(&self, name: &str) -> bool {
        self.gguf.get(&self.key(name)).is_some()
    }

    fn token(&self, name: &str) -> Option<u32> {
        self.gguf.u32(&format!("tokenizer.ggml.{name}")).ok()
    }

    fn head_dim(&self, hidden_size: usize, heads: usize) -> Result<usize, InferError> {
        let head_dim = match self.optional_count("attention.key_length")? {
            Some(n) => n,
            None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                return Err(self.invalid("attention.head_count", heads, "a divisor of the width"));
            }
        };
        if !head_dim.is_multiple_of(2) || heads.saturating_mul(head_dim) >= MAX_DIMENSION {
            let expected = "even, and times the heads below 2^31";
            return Err(self.invalid("attention.key_length", head_dim, expected));
        }
        for name in ["attention.value_length", "rope.dimension_count"] {
            if let Some(n) = self.optional_count(name)?
                && n != head_dim
            {
                return Err(self.unsupported(name, n));
            }
        }
        Ok(head_dim)
    }

    fn rope_scaling(&self) -> Result<RopeScaling, InferError> {
        let key = self.key("rope.scaling.type");
        // Before there was a type, files had this one key.
        let old = self.optional_float("rope.scale_linear")?;
        let kind = match self.gguf.get(&key) {
            Some(_) => self.gguf.str(&key)?,
            None if old.is_some() => "linear",
            None => "none",
        };
        match kind {
            "none" => Ok(RopeScaling::None),
            "linear" => {
                let name = "rope.scaling.factor";
                let factor = match old {
                    Some(factor) => factor,
                    None => self.float(name)?,
                };
                if !(factor.is_finite() && factor > 0.0) {
                    return Err(self.invalid(name, factor, "a finite number above 0"));
                }
                Ok(RopeScaling::Linear { factor: f64::from(factor) })
            }
            other => Err(self.unsupported("rope.scaling.type", other)),
        }
    }

    /// Keys that ask for another graph than the one built here.
    fn refuse_other_graphs(&self) -> Result<(), InferError> {
        for name in ["expert_count", "attention.sliding_window", "pooling_type"] {
            let key = self.key(name);
            if self.gguf.get(&key).is_some() && self.gguf.u64(&key)? != 0 {
                return Err(self.unsupported(name, self.gguf.u64(&key)?));
            }
        }
        let key = self.key("attention.causal");
        if self.gguf.get(&key).is_some() && !self.gguf.bool(&key)? {
            return Err(self.unsupported("attention.causal", false));
        }
        Ok(())
    }

    fn invalid(&self, name: &str, value: impl ToString, expected: &'static str) -> InferError {
        InferError::InvalidConfig {
            file: self.gguf.file().to_string(),
            key: self.key(name),
            value: value.to_string(),
            expected,
        }
    }

    fn unsupported(&self, name: &str, value: impl ToString) -> InferError {
        InferError::UnsupportedFeature {
            file: self.gguf.file().to_string(),
            key: self.key(name),
            value: value.to_string(),
        }
    }
}
