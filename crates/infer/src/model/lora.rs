//! Low-rank adapters ([LoRA](https://arxiv.org/abs/2106.09685)): W x + s·B (A x) in place of W x.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Model;
use super::names::Names;
use crate::bytes::Bytes;
use crate::error::InferError;
use crate::hf::HfDirectory;
use crate::model::fields::Fields;
use crate::quant::{Activations, Matrix, TensorType};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// A linear map of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Query,
    Key,
    Value,
    AttentionOutput,
    Gate,
    Up,
    Down,
}

/// s, A and B of a linear map.
#[derive(Debug)]
struct Delta {
    /// `[r, in]`
    a: Matrix,
    /// `[out, r]`, times s.
    b: Matrix,
}

/// An adapter for a model, in the form that PEFT saves: `adapter_config.json` and
/// `adapter_model.safetensors`.
///
/// A request names the one it wants ([`Request::adapter`](crate::Request::adapter)); requests with
/// different adapters run in one batch. The product with the base's weights is one for all of them,
/// the two thin products of an adapter, in f32, are for its own requests only.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use ulp_infer::{LoraAdapter, Model, Request};
///
/// let model = Model::load("TinyLlama-1.1B")?;
/// let adapter = Arc::new(LoraAdapter::load("my-adapter", &model)?);
/// let request = Request { adapter: Some(adapter), ..Request::new(vec![1, 450]) };
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
pub struct LoraAdapter {
    /// Tells it from others while the program runs; no result depends on it.
    number: u32,
    /// The shape of the model that it was loaded for.
    shape: [usize; 6],
    /// Of each layer, by slot.
    layers: Vec<Vec<(Slot, Delta)>>,
}

impl fmt::Debug for LoraAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deltas: usize = self.layers.iter().map(Vec::len).sum();
        write!(f, "LoraAdapter {{ number: {}, deltas: {deltas} }}", self.number)
    }
}

impl LoraAdapter {
    /// Reads the adapter in a directory, for `model`.
    ///
    /// # Errors
    ///
    /// Those of reading; [`InferError::UnsupportedFeature`] for what is not a plain LoRA of the
    /// layers' linear maps (DoRA, biases, saved modules), [`InferError::UnexpectedTensor`] for a
    /// tensor that has no place in the model, [`InferError::ShapeMismatch`] if it is made for
    /// another model.
    pub fn load(directory: impl AsRef<Path>, model: &Model) -> Result<Self, InferError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let directory = HfDirectory::open_files(directory.as_ref(), CONFIG, WEIGHTS)?;
        let file = directory.config_file();
        let fields = Fields::new(&file, directory.config());
        let scaling = Scaling::read(&fields)?;
        let mut layers: Vec<Vec<(Slot, Delta)>> = Vec::new();
        layers.resize_with(model.config.layers, Vec::new);
        for name in directory.names() {
            let Some(stem) = name.strip_suffix(".lora_A.weight") else {
                if name
                    .strip_suffix(".lora_B.weight")
                    .is_some_and(|stem| directory.shape(&format!("{stem}.lora_A.weight")).is_some())
                {
                    continue;
                }
                return Err(unexpected(&directory, name));
            };
            let place = place(stem, model.names());
            let place = place.filter(|(layer, _)| *layer < model.config.layers);
            let (layer, part) = place.ok_or_else(|| unexpected(&directory, name))?;
            let thin = Thin::read(&directory, stem, &scaling)?;
            for (slot, rows, of) in parts(part, model.names(), model) {
                layers[layer].push((slot, thin.delta(&directory, model, slot, rows, of)?));
            }
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(LoraAdapter { number, shape: model.shape(), layers })
    }

    /// # Errors
    ///
    /// [`InferError::OtherModelsAdapter`] if it does not fit `model`.
    pub(crate) fn check(&self, model: &Model) -> Result<(), InferError> {
        match self.shape == model.shape() {
            true => Ok(()),
            false => Err(InferError::OtherModelsAdapter),
        }
    }

    /// Tells it from others.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// out += s·B (A x) for rows `x` `[rows, in]`, `out` `[rows, out]`.
    pub(crate) fn add(&self, layer: usize, slot: Slot, x: &[f32], out: &mut [f32]) {
        let found = self.layers[layer].iter().filter(|(of, _)| *of == slot);
        for (_, delta) in found {
            let rows = x.len() / delta.a.cols();
            let mut thin = vec![0.0; rows * delta.a.rows()];
            delta.a.matmul(x, &mut thin, Activations::Exact);
            let mut addend = vec![0.0; out.len()];
            delta.b.matmul(&thin, &mut addend, Activations::Exact);
            for (out, x) in out.iter_mut().zip(addend) {
                *out += x;
            }
        }
    }
}

fn unexpected(directory: &HfDirectory, name: &str) -> InferError {
    let (file, tensor) = (directory.path().display().to_string(), name.to_string());
    InferError::UnexpectedTensor { file, tensor }
}

/// s = alpha / r, or alpha / √r.
struct Scaling {
    alpha: f64,
    by_root: bool,
}

impl Scaling {
    fn read(fields: &Fields<'_>) -> Result<Self, InferError> {
        for field in ["use_dora", "lora_bias", "use_qalora"] {
            if fields.boolean(field)?.unwrap_or(false) {
                return Err(fields.unsupported(field, true));
            }
        }
        for (field, plain) in [("bias", "none"), ("peft_type", "LORA")] {
            if let Some(value) = fields.text(field)?
                && value != plain
            {
                return Err(fields.unsupported(field, value));
            }
        }
        // A number of its own for some of the maps.
        if let Some(pattern) = fields.get("alpha_pattern")
            && pattern.as_object().is_none_or(|pattern| !pattern.is_empty())
        {
            return Err(fields.unsupported("alpha_pattern", pattern));
        }
        Ok(Scaling {
            alpha: fields.positive("lora_alpha")?.unwrap_or(8.0),
            by_root: fields.boolean("use_rslora")?.unwrap_or(false),
        })
    }

    fn of(&self, rank: usize) -> f32 {
        let rank = rank as f64;
        (self.alpha / if self.by_root { rank.sqrt() } else { rank }) as f32
    }
}

/// A and s·B as they are stored.
struct Thin {
    stem: String,
    rank: usize,
    inputs: usize,
    outputs: usize,
    a: Vec<f32>,
    b: Vec<f32>,
}

impl Thin {
    fn read(directory: &HfDirectory, stem: &str, scaling: &Scaling) -> Result<Self, InferError> {
        let (a, b) = (format!("{stem}.lora_A.weight"), format!("{stem}.lora_B.weight"));
        let shape = |name: &str| match directory.shape(name) {
            Some(&[rows, cols]) if rows > 0 && cols > 0 => Ok((rows, cols)),
            found => Err(InferError::ShapeMismatch {
                file: directory.path().display().to_string(),
                tensor: name.to_string(),
                expected: vec![1, 1],
                found: found.unwrap_or_default().to_vec(),
            }),
        };
        let (rank, inputs) = shape(&a)?;
        let (outputs, columns) = shape(&b)?;
        if columns != rank {
            return Err(InferError::ShapeMismatch {
                file: directory.path().display().to_string(),
                tensor: b,
                expected: vec![outputs, rank],
                found: vec![outputs, columns],
            });
        }
        let scale = scaling.of(rank);
        let b = directory.values(&b)?.into_iter().map(|x| x * scale).collect();
        let a = directory.values(&a)?;
        Ok(Thin { stem: stem.to_string(), rank, inputs, outputs, a, b })
    }

    /// A and the rows of B that belong to a map, of `of` rows that are stored.
    fn delta(
        &self,
        directory: &HfDirectory,
        model: &Model,
        slot: Slot,
        rows: std::ops::Range<usize>,
        of: usize,
    ) -> Result<Delta, InferError> {
        let expected = [model.slot_shape(slot).1, of];
        if [self.inputs, self.outputs] != expected {
            return Err(InferError::ShapeMismatch {
                file: directory.path().display().to_string(),
                tensor: format!("{}.lora_B.weight", self.stem),
                expected: expected.to_vec(),
                found: vec![self.inputs, self.outputs],
            });
        }
        let rank = self.rank;
        let b = &self.b[rows.start * rank..rows.end * rank];
        let matrix = |rows, cols, values: &[f32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            let matrix = Matrix::new(rows, cols, TensorType::F32, Bytes::from(bytes));
            matrix.map_err(|e| e.named(&directory.path().display().to_string(), &self.stem))
        };
        Ok(Delta { a: matrix(rank, self.inputs, &self.a)?, b: matrix(rows.len(), rank, b)? })
    }
}

/// The layer and the part of it that a tensor belongs to.
fn place<'n>(stem: &'n str, names: &Names) -> Option<(usize, &'n str)> {
    let stem = stem.strip_prefix("base_model.model.").unwrap_or(stem);
    let stem = names.prefixes.iter().find_map(|prefix| {
        stem.strip_prefix(prefix)?.strip_prefix(names.layer)?.strip_prefix('.')
    })?;
    let (layer, part) = stem.split_once('.')?;
    Some((layer.parse().ok()?, part))
}

/// The maps that a part of a layer stands for: each with its rows, of how many that are stored.
fn parts(part: &str, names: &Names, model: &Model) -> Vec<(Slot, std::ops::Range<usize>, usize)> {
    let config = &model.config;
    let (q, kv, f) = (config.query_width(), config.key_value_width(), config.intermediate_size);
    if part.is_empty() {
        return Vec::new();
    }
    if part == names.query_key_value {
        let of = q + 2 * kv;
        let rows = [(Slot::Query, 0..q), (Slot::Key, q..q + kv), (Slot::Value, q + kv..of)];
        return rows.into_iter().map(|(slot, rows)| (slot, rows, of)).collect();
    }
    if part == names.gate_up && config.gated {
        return vec![(Slot::Gate, 0..f, 2 * f), (Slot::Up, f..2 * f, 2 * f)];
    }
    let single = [
        (names.query, Slot::Query),
        (names.key, Slot::Key),
        (names.value, Slot::Value),
        (names.attention_output, Slot::AttentionOutput),
        (names.gate, Slot::Gate),
        (names.up, Slot::Up),
        (names.down, Slot::Down),
    ];
    let found = single.into_iter().find(|(name, _)| *name == part);
    found
        .map(|(_, slot)| model.slot_shape(slot).0)
        .map_or(Vec::new(), |rows| vec![(found.expect("it was found").1, 0..rows, rows)])
}

impl Model {
    fn shape(&self) -> [usize; 6] {
        let config = &self.config;
        let (heads, kv_heads) = (config.heads, config.kv_heads);
        let (c, f) = (config.hidden_size, config.intermediate_size);
        [config.layers, c, f, heads, kv_heads, config.head_dim]
    }

    /// Outputs and inputs of a map.
    fn slot_shape(&self, slot: Slot) -> (usize, usize) {
        let config = &self.config;
        let (c, f) = (config.hidden_size, config.intermediate_size);
        match slot {
            Slot::Query => (config.query_width(), c),
            Slot::Key | Slot::Value => (config.key_value_width(), c),
            Slot::AttentionOutput => (c, config.query_width()),
            Slot::Gate | Slot::Up => (f, c),
            Slot::Down => (c, f),
        }
    }
}
