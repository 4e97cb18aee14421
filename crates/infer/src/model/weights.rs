//! A model's weights, by name.
//!
//! Every tensor of the file must have its place and every place its tensor, of the shape that the
//! configuration implies; all of that is checked before anything is computed. A tensor without a
//! place is an error, since to leave it out would be to run another model than the file's.

mod reader;
mod tensors;

use super::config::{ModelConfig, NormKind, Positions};
use super::names::{GGUF, Names};
use super::norm::Norm;
use super::rope::{Rope, RopeScaling, RowOrder};
use crate::error::InferError;
use crate::gguf::Gguf;
use crate::hf::HfDirectory;
use crate::quant::Matrix;
use reader::{Reader, Rows};

/// A linear map with its bias, if it has one.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// `[C]`
    pub(crate) attention_norm: Norm,
    /// `[H·D, C]`
    pub(crate) query: Projection,
    /// `[K·D, C]`
    pub(crate) key: Projection,
    /// `[K·D, C]`
    pub(crate) value: Projection,
    /// Of each head, `[D]`.
    pub(crate) query_norm: Option<Norm>,
    /// Of each head, `[D]`.
    pub(crate) key_norm: Option<Norm>,
    /// Whether the file has the three in one matrix.
    pub(crate) is_qkv_fused: bool,
    /// `[C, H·D]`
    pub(crate) attention_output: Projection,
    /// `[C]`
    pub(crate) post_attention_norm: Option<Norm>,
    /// `[C]`
    pub(crate) feed_forward_norm: Norm,
    /// `[F, C]`
    pub(crate) gate: Option<Projection>,
    /// `[F, C]`
    pub(crate) up: Projection,
    /// Whether the file has gate and up in one matrix.
    pub(crate) is_gate_up_fused: bool,
    /// `[C, F]`
    pub(crate) down: Projection,
    /// `[C]`
    pub(crate) post_feed_forward_norm: Option<Norm>,
}

/// The weights of a model.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// `[V, C]`
    pub(crate) embedding: Matrix,
    /// `[context, C]`
    pub(crate) positions: Option<Matrix>,
    pub(crate) layers: Vec<Layer>,
    /// `[C]`
    pub(crate) output_norm: Norm,
    /// `[V, C]`; the embedding if it is tied.
    pub(crate) output: Matrix,
}

impl Weights {
    /// The weights of a GGUF file; `neighbours_turn` if it has the rows of queries and keys in
    /// pairs of neighbours.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingTensor`], [`InferError::ShapeMismatch`],
    /// [`InferError::UnsupportedTensorType`], [`InferError::UnexpectedTensor`].
    pub(crate) fn from_gguf(
        gguf: &Gguf,
        config: &ModelConfig,
        neighbours_turn: bool,
    ) -> Result<Self, InferError> {
        let turned = RowOrder::of_gguf(config, neighbours_turn);
        read(&Reader::new(gguf, &GGUF), config, turned)
    }

    /// The weights of a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// As [`Weights::from_gguf`].
    pub(crate) fn from_hugging_face(
        directory: &HfDirectory,
        names: &'static Names,
        config: &ModelConfig,
    ) -> Result<Self, InferError> {
        read(&Reader::new(directory, names), config, RowOrder::Stored)
    }
}

/// `turned` is the order of the rows of queries and keys.
fn read(
    reader: &Reader<'_>,
    config: &ModelConfig,
    turned: RowOrder,
) -> Result<Weights, InferError> {
    let names = reader.names();
    let (v, c) = (config.vocab_size, config.hidden_size);
    let embedding = reader.matrix(names.embedding, v, c)?;
    let positions = match config.positions {
        Positions::Learned => Some(reader.matrix(names.positions, config.context, c)?),
        Positions::Rotary { .. } => None,
    };
    // A file cannot claim more layers than it has tensors: the first one missing is an error.
    let layers = (0..config.layers)
        .map(|index| layer(reader, config, index, turned))
        .collect::<Result<_, _>>()?;
    let output_norm = norm(reader, config, names.output_norm, c)?;
    let output = match config.tied {
        true => embedding.clone(),
        false => reader.output(v, c)?,
    }
    .with_fine_activations();
    if let Positions::Rotary { rope, .. } = &config.positions {
        reader.take_read(rope_factors(rope, names));
    }
    reader.expect_all_taken(config.tied)?;
    Ok(Weights { embedding, positions, layers, output_norm, output })
}

/// The tensors that the configuration has read.
fn rope_factors<'a>(rope: &Rope, names: &'a Names) -> &'a [&'static str] {
    match rope.scaling {
        // Of a file with tensors for both scalings one would be left out.
        RopeScaling::LongRope { .. } => names.rope_factors.get(1..).unwrap_or_default(),
        _ => names.rope_factors,
    }
}

fn layer(
    reader: &Reader<'_>,
    config: &ModelConfig,
    index: usize,
    turned: RowOrder,
) -> Result<Layer, InferError> {
    let names = reader.names();
    let (c, f, d) = (config.hidden_size, config.intermediate_size, config.head_dim);
    let (q, kv) = (config.query_width(), config.key_value_width());
    let biases = config.biases;
    let name = |part: &str| format!("{}.{index}.{part}", names.layer);
    let all = |part: &str, rows, cols, bias| {
        reader.projection(&name(part), Rows::all(rows), cols, names.transposed, bias)
    };
    let some = |whole: &str, rows, cols, bias| {
        reader.projection(&name(whole), rows, cols, names.transposed, bias)
    };
    let norm_of = |part: &str, len| norm(reader, config, &name(part), len);
    let optional_norm = |part: &str, len, needed: bool| match needed {
        true => norm_of(part, len).map(Some),
        false => Ok(None),
    };
    let fused = |part: &str| !part.is_empty() && reader.has(&name(part), "weight");

    let attention_norm = norm_of(names.attention_norm, c)?;
    let is_qkv_fused = fused(names.query_key_value);
    let (query, key, value) = match is_qkv_fused {
        true => {
            let part = |range, order| {
                let rows = Rows { of: q + 2 * kv, range, order };
                some(names.query_key_value, rows, c, biases.qkv)
            };
            let stored = RowOrder::Stored;
            (part(0..q, turned)?, part(q..q + kv, turned)?, part(q + kv..q + 2 * kv, stored)?)
        }
        false => (
            some(names.query, Rows { order: turned, ..Rows::all(q) }, c, biases.qkv)?,
            some(names.key, Rows { order: turned, ..Rows::all(kv) }, c, biases.qkv)?,
            all(names.value, kv, c, biases.qkv)?,
        ),
    };
    let is_gate_up_fused = config.gated && !fused(names.gate) && fused(names.gate_up);
    let (gate, up) = match (config.gated, is_gate_up_fused) {
        (true, true) => {
            let part = |range| {
                let rows = Rows { range, ..Rows::all(2 * f) };
                some(names.gate_up, rows, c, biases.feed_forward)
            };
            (Some(part(0..f)?), part(f..2 * f)?)
        }
        (true, false) => {
            let gate = all(names.gate, f, c, biases.feed_forward)?;
            (Some(gate), all(names.up, f, c, biases.feed_forward)?)
        }
        (false, _) => (None, all(names.up, f, c, biases.feed_forward)?),
    };
    Ok(Layer {
        attention_norm,
        query,
        key: key.fine(),
        value: value.fine(),
        is_qkv_fused,
        query_norm: optional_norm(names.query_norm, d, config.head_norms)?,
        key_norm: optional_norm(names.key_norm, d, config.head_norms)?,
        attention_output: all(names.attention_output, c, q, biases.output)?,
        post_attention_norm: optional_norm(names.post_attention_norm, c, config.post_norms)?,
        feed_forward_norm: norm_of(names.feed_forward_norm, c)?,
        gate,
        up,
        is_gate_up_fused,
        down: all(names.down, c, f, biases.feed_forward)?,
        post_feed_forward_norm: optional_norm(names.post_feed_forward_norm, c, config.post_norms)?,
    })
}

fn norm(
    reader: &Reader<'_>,
    config: &ModelConfig,
    name: &str,
    len: usize,
) -> Result<Norm, InferError> {
    let mut weight = reader.vector(name, "weight", len)?;
    if config.norm == NormKind::RmsFromOne {
        weight.iter_mut().for_each(|w| *w += 1.0);
    }
    let bias = match config.norm {
        NormKind::Layer => Some(reader.vector(name, "bias", len)?),
        NormKind::Rms | NormKind::RmsFromOne => None,
    };
    Ok(Norm { weight, bias })
}
