//! A model's weights, by name.
//!
//! Every tensor of the file must have its place and every place its tensor, of the shape that the
//! configuration implies; all of that is checked before anything is computed. A tensor without a
//! place is an error, since to leave it out would be to run another model than the file's.

use std::cell::RefCell;
use std::collections::HashSet;

use super::config::ModelConfig;
use crate::error::InferError;
use crate::gguf::Gguf;
use crate::hf::HfDirectory;
use crate::quant::Matrix;

/// A linear map with its bias, if it has one.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) weight: Matrix,
    pub(crate) bias: Option<Vec<f32>>,
}

impl Projection {
    /// With activations rounded to 16 bits. Keys, values and logits carry errors further than
    /// anything else: of the KL divergence that 8 bits everywhere cost SmolLM2-135M they make 40%,
    /// of the multiplications of a prompt 5%.
    fn fine(self) -> Self {
        Projection { weight: self.weight.with_fine_activations(), ..self }
    }
}

/// The weights of a decoder layer.
#[derive(Debug)]
pub(crate) struct Layer {
    /// `[C]`
    pub(crate) attention_norm: Vec<f32>,
    /// `[H·D, C]`
    pub(crate) query: Projection,
    /// `[K·D, C]`
    pub(crate) key: Projection,
    /// `[K·D, C]`
    pub(crate) value: Projection,
    /// `[C, H·D]`
    pub(crate) attention_output: Projection,
    /// `[C]`
    pub(crate) feed_forward_norm: Vec<f32>,
    /// `[F, C]`
    pub(crate) gate: Projection,
    /// `[F, C]`
    pub(crate) up: Projection,
    /// `[C, F]`
    pub(crate) down: Projection,
}

/// The weights of a model.
#[derive(Debug)]
pub(crate) struct Weights {
    /// `[V, C]`
    pub(crate) embedding: Matrix,
    pub(crate) layers: Vec<Layer>,
    /// `[C]`
    pub(crate) output_norm: Vec<f32>,
    /// `[V, C]`; the embedding if it is tied.
    pub(crate) output: Matrix,
    /// Divisors of the rotary frequencies, `[D/2]`: how GGUF stores Llama 3's scaling.
    pub(crate) rope_divisors: Option<Vec<f32>>,
}

/// What a file calls the parts.
struct Names {
    embedding: &'static str,
    output: &'static str,
    output_norm: &'static str,
    rope_divisors: Option<&'static str>,
    /// What stands before a layer's number.
    layer: &'static str,
    attention_norm: &'static str,
    query: &'static str,
    key: &'static str,
    value: &'static str,
    attention_output: &'static str,
    feed_forward_norm: &'static str,
    gate: &'static str,
    up: &'static str,
    down: &'static str,
}

const GGUF: Names = Names {
    embedding: "token_embd",
    output: "output",
    output_norm: "output_norm",
    rope_divisors: Some("rope_freqs"),
    layer: "blk",
    attention_norm: "attn_norm",
    query: "attn_q",
    key: "attn_k",
    value: "attn_v",
    attention_output: "attn_output",
    feed_forward_norm: "ffn_norm",
    gate: "ffn_gate",
    up: "ffn_up",
    down: "ffn_down",
};

const HUGGING_FACE: Names = Names {
    embedding: "model.embed_tokens",
    output: "lm_head",
    output_norm: "model.norm",
    rope_divisors: None,
    layer: "model.layers",
    attention_norm: "input_layernorm",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    attention_output: "self_attn.o_proj",
    feed_forward_norm: "post_attention_layernorm",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    down: "mlp.down_proj",
};

/// The two names of every tensor but for its last part (`weight` or `bias`): GGUF's and Hugging
/// Face's.
pub(crate) struct TensorNames {
    /// Outside the layers.
    pub(crate) whole: [(&'static str, &'static str); 3],
    /// Within a layer.
    pub(crate) layer: [(&'static str, &'static str); 9],
}

/// See [`TensorNames`].
pub(crate) const TENSOR_NAMES: TensorNames = TensorNames {
    whole: [
        (GGUF.embedding, HUGGING_FACE.embedding),
        (GGUF.output_norm, HUGGING_FACE.output_norm),
        (GGUF.output, HUGGING_FACE.output),
    ],
    layer: [
        (GGUF.attention_norm, HUGGING_FACE.attention_norm),
        (GGUF.query, HUGGING_FACE.query),
        (GGUF.key, HUGGING_FACE.key),
        (GGUF.value, HUGGING_FACE.value),
        (GGUF.attention_output, HUGGING_FACE.attention_output),
        (GGUF.feed_forward_norm, HUGGING_FACE.feed_forward_norm),
        (GGUF.gate, HUGGING_FACE.gate),
        (GGUF.up, HUGGING_FACE.up),
        (GGUF.down, HUGGING_FACE.down),
    ],
};

/// Where tensors come from.
pub(crate) trait Tensors {
    /// The file, for errors.
    fn file(&self) -> String;
    /// The names of all tensors.
    fn names(&self) -> Vec<String>;
    /// A weight of `rows` outputs and `cols` inputs.
    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, InferError>;
    /// A vector of `len` elements, as f32.
    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, InferError>;
}

impl Tensors for Gguf {
    fn file(&self) -> String {
        Gguf::file(self).to_string()
    }

    fn names(&self) -> Vec<String> {
        self.tensors().iter().map(|tensor| tensor.name.clone()).collect()
    }

    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, InferError> {
        Gguf::matrix(self, name, rows, cols)
    }

    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, InferError> {
        Gguf::vector(self, name, len)
    }
}

impl Tensors for HfDirectory {
    fn file(&self) -> String {
        self.path().display().to_string()
    }

    fn names(&self) -> Vec<String> {
        HfDirectory::names(self).into_iter().map(str::to_string).collect()
    }

    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, InferError> {
        HfDirectory::matrix(self, name, rows, cols)
    }

    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, InferError> {
        HfDirectory::vector(self, name, len)
    }
}

impl Weights {
    /// The weights of a GGUF file.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingTensor`], [`InferError::ShapeMismatch`],
    /// [`InferError::UnsupportedTensorType`], [`InferError::UnexpectedTensor`].
    pub(crate) fn from_gguf(gguf: &Gguf, config: &ModelConfig) -> Result<Self, InferError> {
        Reader::new(gguf, &GGUF).weights(config, |_| false)
    }

    /// The weights of a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// As [`Weights::from_gguf`].
    pub(crate) fn from_hugging_face(
        directory: &HfDirectory,
        config: &ModelConfig,
    ) -> Result<Self, InferError> {
        let tied = config.llama.tie_word_embeddings;
        Reader::new(directory, &HUGGING_FACE).weights(config, |name| {
            // Old files hold the rotary frequencies, which follow from the configuration; and a
            // tied model may hold its embedding twice. The transformers library reads neither.
            name.ends_with(".rotary_emb.inv_freq") || (tied && name == "lm_head.weight")
        })
    }
}

/// Takes tensors by name and remembers which were taken.
struct Reader<'a> {
    tensors: &'a dyn Tensors,
    names: &'a Names,
    all: HashSet<String>,
    taken: RefCell<HashSet<String>>,
}

impl<'a> Reader<'a> {
    fn new(tensors: &'a dyn Tensors, names: &'a Names) -> Self {
        let all = tensors.names().into_iter().collect();
        Reader { tensors, names, all, taken: RefCell::default() }
    }

    fn weights(
        &self,
        config: &ModelConfig,
        ignored: impl Fn(&str) -> bool,
    ) -> Result<Weights, InferError> {
        let (names, llama) = (self.names, &config.llama);
        let (v, c) = (llama.vocab_size, llama.hidden_size);
        let embedding = self.matrix(names.embedding, v, c)?;
        // A file cannot claim more layers than it has tensors: the first one missing is an error.
        let layers = (0..llama.num_hidden_layers)
            .map(|index| self.layer(config, index))
            .collect::<Result<Vec<_>, _>>()?;
        let output_norm = self.vector(names.output_norm, "weight", c)?;
        let output = match llama.tie_word_embeddings {
            true => embedding.clone(),
            false => self.matrix(names.output, v, c)?,
        }
        .with_fine_activations();
        let rope_divisors = match names.rope_divisors {
            Some(name) if self.has(name, "weight") => {
                Some(self.vector(name, "weight", llama.head_dim / 2)?)
            }
            _ => None,
        };
        let taken = self.taken.borrow();
        let mut left: Vec<&String> =
            self.all.iter().filter(|name| !taken.contains(*name) && !ignored(name)).collect();
        left.sort();
        if let Some(tensor) = left.first() {
            let (file, tensor) = (self.tensors.file(), tensor.to_string());
            return Err(InferError::UnexpectedTensor { file, tensor });
        }
        Ok(Weights { embedding, layers, output_norm, output, rope_divisors })
    }

    fn layer(&self, config: &ModelConfig, index: usize) -> Result<Layer, InferError> {
        let (names, llama) = (self.names, &config.llama);
        let (c, f) = (llama.hidden_size, llama.intermediate_size);
        let (q, kv) = (llama.query_width(), llama.key_value_width());
        let name = |part: &str| format!("{}.{index}.{part}", names.layer);
        let project = |part: &str, rows, cols, bias| self.projection(&name(part), rows, cols, bias);
        let qkv_bias = llama.qkv_bias();
        Ok(Layer {
            attention_norm: self.vector(&name(names.attention_norm), "weight", c)?,
            query: project(names.query, q, c, qkv_bias)?,
            key: project(names.key, kv, c, qkv_bias)?.fine(),
            value: project(names.value, kv, c, qkv_bias)?.fine(),
            attention_output: project(names.attention_output, c, q, llama.output_bias())?,
            feed_forward_norm: self.vector(&name(names.feed_forward_norm), "weight", c)?,
            gate: project(names.gate, f, c, llama.mlp_bias)?,
            up: project(names.up, f, c, llama.mlp_bias)?,
            down: project(names.down, c, f, llama.mlp_bias)?,
        })
    }

    /// A weight and its bias. A bias that the file has is used; one that the configuration speaks
    /// of must be there. (GGUF has no key for biases: there the tensors alone tell.)
    fn projection(
        &self,
        name: &str,
        rows: usize,
        cols: usize,
        needs_bias: bool,
    ) -> Result<Projection, InferError> {
        let weight = self.matrix(name, rows, cols)?;
        let bias = match needs_bias || self.has(name, "bias") {
            true => Some(self.vector(name, "bias", rows)?),
            false => None,
        };
        Ok(Projection { weight, bias })
    }

    fn has(&self, name: &str, kind: &str) -> bool {
        self.all.contains(&format!("{name}.{kind}"))
    }

    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, InferError> {
        let name = format!("{name}.weight");
        let matrix = self.tensors.matrix(&name, rows, cols)?;
        self.taken.borrow_mut().insert(name);
        Ok(matrix)
    }

    fn vector(&self, name: &str, kind: &str, len: usize) -> Result<Vec<f32>, InferError> {
        let name = format!("{name}.{kind}");
        let vector = self.tensors.vector(&name, len)?;
        self.taken.borrow_mut().insert(name);
        Ok(vector)
    }
}
