//! What running a model takes: bytes to hold, bytes to read, operations to do.

use super::Model;
use super::config::ModelConfig;
use super::names::{GGUF, Names};
use super::step_shape::StepShape;
use crate::error::InferError;
use crate::gguf::Gguf;
use crate::hf::HfDirectory;
use crate::kv_cache::{BLOCK, CacheShape, CacheType, KvCache};
use crate::quant::{Format, KernelRates, MachineLimits, Matrix, RowBuffer, TensorType};

/// A model's shapes, without its weights.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Gguf, MachineLimits, ModelPlan};
///
/// let plan = ModelPlan::from_gguf(&Gguf::open("model.gguf")?)?;
/// let limits = MachineLimits::measure();
/// let step = plan.step(1, 1, 1024);
/// println!("{} bytes; at best {} s a token", plan.weight_bytes(), step.limit(&limits).seconds);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelPlan {
    config: ModelConfig,
    cache_type: CacheType,
    matrices: Vec<MatrixPlan>,
    /// Bytes of norms and biases, as f32.
    vector_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct MatrixPlan {
    rows: usize,
    cols: usize,
    ty: TensorType,
    use_: Use,
}

/// What a matrix is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// One row a token is looked up.
    Embedding,
    /// Multiplied with every token.
    Layer,
    /// The same, with activations of 16 bits.
    FineLayer,
    /// Multiplied with the tokens whose logits are asked for, with activations of 16 bits.
    Output,
    /// Both embedding and output.
    Tied,
}

/// What one pass of a batch does with the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepCost {
    /// Bytes of weights read, by type.
    pub weights: Vec<(TensorType, f64)>,
    /// Bytes of keys and values read.
    pub cache_bytes: f64,
    /// Operations with each type of weights.
    pub operations: Vec<(TensorType, f64)>,
    /// Operations of attention, in f32.
    pub attention_operations: f64,
}

/// The limit that a pass meets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Reading weights and cache.
    Bandwidth,
    /// Multiplying 8-bit integers.
    Integers,
    /// Multiplying f32.
    Floats,
}

/// The least time of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepLimit {
    /// Seconds that no program of this kind could be below.
    pub seconds: f64,
    /// What takes them.
    pub bound: Bound,
}

impl ModelPlan {
    /// The shapes in a GGUF file.
    ///
    /// # Errors
    ///
    /// As for loading it: an error that names the key at fault.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, InferError> {
        let (_, config) = Model::gguf_config(gguf)?;
        let tensors = gguf.tensors().iter().map(|t| (t.name.as_str(), t.shape.as_slice(), t.ty));
        Ok(ModelPlan::new(config, &GGUF, tensors))
    }

    /// The shapes in a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// As for loading it, and [`InferError::UnsupportedTensorType`].
    pub fn from_hugging_face(directory: &HfDirectory) -> Result<Self, InferError> {
        let (architecture, config) = Model::hugging_face_config(directory)?;
        let mut tensors = Vec::new();
        for name in directory.names() {
            let shape = directory.shape(name).unwrap_or_default();
            tensors.push((name, shape, directory.tensor_type(name)?));
        }
        Ok(ModelPlan::new(config, architecture.names, tensors.into_iter()))
    }

    fn new<'a>(
        config: ModelConfig,
        names: &Names,
        tensors: impl Iterator<Item = (&'a str, &'a [usize], TensorType)>,
    ) -> Self {
        let tied = config.tied;
        let (mut matrices, mut vector_bytes) = (Vec::new(), 0);
        for (name, shape, ty) in tensors {
            match *shape {
                [rows, cols] => {
                    matrices.push(MatrixPlan { rows, cols, ty, use_: use_of(name, names, tied) });
                }
                _ => vector_bytes += 4 * shape.iter().product::<usize>(),
            }
        }
        ModelPlan { config, cache_type: CacheType::F32, matrices, vector_bytes }
    }

    /// The same model with a cache in `ty`; without this it is f32.
    #[must_use]
    pub fn with_cache_type(self, ty: CacheType) -> Self {
        ModelPlan { cache_type: ty, ..self }
    }

    /// How the cache stores its numbers.
    pub fn cache_type(&self) -> CacheType {
        self.cache_type
    }

    /// Bytes that the weights take in memory.
    pub fn weight_bytes(&self) -> usize {
        let matrices = self.matrices.iter().map(|m| Matrix::resident_bytes(m.rows, m.cols, m.ty));
        matrices.sum::<usize>() + self.vector_bytes
    }

    /// Bytes that the cache takes for `sequences` of `positions` each; `usize::MAX` where they are more.
    pub fn cache_bytes(&self, sequences: usize, positions: usize) -> usize {
        let position = KvCache::bytes_per_position(self.cache_shape(), self.cache_type);
        let blocks = positions.div_ceil(BLOCK);
        sequences.saturating_mul(blocks).saturating_mul(BLOCK).saturating_mul(position)
    }

    /// Bytes of work space for passes of `rows` tokens of which `logits` ask for logits; `usize::MAX`
    /// where they are more.
    pub fn workspace_bytes(&self, rows: usize, logits: usize) -> usize {
        let config = &self.config;
        let (c, f) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.query_width(), config.key_value_width());
        // Numbers, and rounded activations: for every matrix, and beside them, with the rest, for the fine ones.
        let rounded = match self.types().into_iter().all(is_plain) {
            true => 0,
            false => RowBuffer::bytes_per_row(c.max(f).max(q)) + 2 * RowBuffer::bytes_per_row(c),
        };
        let widest = |bytes: fn(usize, usize) -> usize| {
            [c, f, q].into_iter().map(|cols| bytes(rows, cols)).max().unwrap_or(0)
        };
        let bf16 = match self.types().contains(&TensorType::BF16) {
            true => widest(RowBuffer::bf16_bytes_per_row),
            false => 0,
        };
        let rounds = |ty| Format::of(ty).is_some_and(Format::rounds_activations);
        let spread = match self.types().into_iter().all(rounds) {
            true => 0,
            false => widest(RowBuffer::spread_bytes_per_row),
        };
        let row = 4 * (3 * c + 2 * q + 2 * kv + 2 * f) + rounded + bf16 + spread;
        rows.saturating_mul(row).saturating_add(logits.saturating_mul(4 * config.vocab_size))
    }

    /// What a cache for this model holds.
    pub fn cache_shape(&self) -> CacheShape {
        let config = &self.config;
        CacheShape { layers: config.layers, kv_heads: config.kv_heads, head_dim: config.head_dim }
    }

    /// The longest sequence that the model was made for.
    pub fn context(&self) -> usize {
        self.config.context
    }

    /// The types of the matrices that are multiplied, each once.
    pub fn types(&self) -> Vec<TensorType> {
        let multiplied = self.matrices.iter().filter(|m| m.use_ != Use::Embedding);
        let mut types: Vec<TensorType> = multiplied.map(|m| m.ty).collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// What a pass of `tokens` new tokens for each of `sequences` costs, whose logits are asked for
    /// once a sequence, after `depth` positions.
    pub fn step(&self, sequences: usize, tokens: usize, depth: usize) -> StepCost {
        let mut one = StepShape::default();
        one.add(tokens, 1, depth);
        let all = |n: usize| n.saturating_mul(sequences);
        self.cost(&StepShape {
            rows: all(one.rows),
            logits: all(one.logits),
            positions: all(one.positions),
            pairs: all(one.pairs),
        })
    }

    /// What a pass of this shape costs.
    pub fn cost(&self, shape: &StepShape) -> StepCost {
        let (config, all) = (&self.config, shape.rows as f64);
        let mut cost = StepCost::default();
        for m in &self.matrices {
            let (rows, times) = match m.use_ {
                Use::Embedding => continue,
                Use::Layer => (all, 1.0),
                Use::FineLayer => (all, 2.0),
                Use::Output | Use::Tied => (shape.logits as f64, 2.0),
            };
            // Formats that are not quantized have no second part.
            let times = if is_plain(m.ty) { 1.0 } else { times };
            let bytes = m.ty.bytes_of(m.cols).unwrap_or(0) * m.rows;
            add(&mut cost.weights, m.ty, bytes as f64);
            let products = rows * times * m.rows as f64 * m.cols as f64;
            add(&mut cost.operations, m.ty, 2.0 * products);
        }
        let width = (config.layers * config.query_width()) as f64;
        cost.attention_operations = 4.0 * shape.pairs as f64 * width;
        let position = KvCache::bytes_per_position(self.cache_shape(), self.cache_type);
        cost.cache_bytes = shape.positions as f64 * position as f64;
        cost
    }
}

/// The share of the f32 peak at which attention multiplies. By the time that prompts take longer at depth 1024 than at 0
/// (docs/benchmarks.md) it is 0.65 to 0.8, and less in short passes.
const ATTENTION_SHARE: f64 = 0.6;

impl StepCost {
    /// The least time on a machine with these limits: reading and multiplying go on together.
    pub fn limit(&self, limits: &MachineLimits) -> StepLimit {
        let sum = |which: fn(TensorType) -> bool| -> f64 {
            self.operations.iter().filter(|(ty, _)| which(*ty)).map(|(_, n)| n).sum()
        };
        let (all, plain, bf16) = (sum(|_| true), sum(is_plain), sum(|ty| ty == TensorType::BF16));
        let bytes: f64 = self.weights.iter().map(|(_, n)| n).sum::<f64>() + self.cache_bytes;
        let integers = (all - plain) / limits.int8_operations;
        let floats = (plain - bf16 + self.attention_operations) / limits.f32_operations
            + bf16 / limits.bf16_operations;
        let read = bytes / limits.read_bytes;
        if read >= integers + floats {
            return StepLimit { seconds: read, bound: Bound::Bandwidth };
        }
        let bound = if integers >= floats { Bound::Integers } else { Bound::Floats };
        StepLimit { seconds: integers + floats, bound }
    }

    /// The time that this crate's kernels should take, by what they reached when they were measured:
    /// for each type the larger of reading and multiplying. Types without rates count as nothing.
    pub fn predict(&self, rates: &[KernelRates], limits: &MachineLimits) -> f64 {
        let rate = |ty: TensorType| rates.iter().find(|rate| rate.ty == ty);
        let mut seconds = self.cache_bytes / limits.read_bytes;
        seconds =
            seconds.max(self.attention_operations / (ATTENTION_SHARE * limits.f32_operations));
        for ((ty, bytes), (_, operations)) in self.weights.iter().zip(&self.operations) {
            if let Some(rate) = rate(*ty) {
                seconds += (bytes / rate.one_row_bytes).max(operations / rate.many_row_operations);
            }
        }
        seconds
    }
}

/// F32, F16 and BF16: multiplied as such.
fn is_plain(ty: TensorType) -> bool {
    ty.block_elements() == 1
}

fn add(sums: &mut Vec<(TensorType, f64)>, ty: TensorType, n: f64) {
    match sums.iter_mut().find(|(other, _)| *other == ty) {
        Some((_, sum)) => *sum += n,
        None => sums.push((ty, n)),
    }
}

fn use_of(name: &str, names: &Names, tied: bool) -> Use {
    let stem = name.strip_suffix(".weight").unwrap_or(name);
    let is = |part: &str| names.prefixes.iter().any(|p| stem.strip_prefix(p) == Some(part));
    let ends = |part: &str| !part.is_empty() && stem.ends_with(part);
    if is(names.embedding) {
        return if tied { Use::Tied } else { Use::Embedding };
    }
    if !names.positions.is_empty() && is(names.positions) {
        return Use::Embedding;
    }
    if is(names.output) {
        return Use::Output;
    }
    match ends(names.key) || ends(names.value) {
        true => Use::FineLayer,
        false => Use::Layer,
    }
}
