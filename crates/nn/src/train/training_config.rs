use serde_json::{Map, Value, json};
use ulp_autograd::LinearPrecision;
use ulp_optim::{AdamW, WarmupCosine};

use super::Windows;
use crate::NnError;
use crate::json_fields::JsonFields;

/// The most tokens of one step: far above the few millions with which large models are trained.
const MAX_BATCH_TOKENS: usize = 1 << 28;

/// How a model is trained: everything but the model and the data.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingConfig {
    /// The seed of the batches.
    pub seed: u64,
    /// B, sequences a step.
    pub batch_size: usize,
    /// Batches whose mean gradient makes a step: a batch that memory cannot hold, in parts.
    pub accumulation: usize,
    /// T, tokens that a sequence predicts.
    pub sequence_length: usize,
    /// Where sequences begin.
    pub windows: Windows,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The last learning rate.
    pub min_learning_rate: f64,
    /// Steps up to the highest learning rate.
    pub warmup_steps: u64,
    /// Steps at which the last learning rate is reached.
    pub total_steps: u64,
    /// AdamW's β₁.
    pub beta1: f64,
    /// AdamW's β₂.
    pub beta2: f64,
    /// AdamW's ε.
    pub eps: f64,
    /// The decay of matrices; gains and biases do not decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; `None` leaves them.
    pub max_grad_norm: Option<f64>,
    /// What the products of the linear layers read; weights and all else are f32. In bf16 a run has
    /// the same bits only on processors with the same unit for it
    /// ([`Bf16Unit`](ulp_tensor::simd::Bf16Unit)).
    pub precision: LinearPrecision,
}

/// Precisions by their names in `trainer.json`.
const PRECISIONS: [(&str, LinearPrecision); 2] =
    [("f32", LinearPrecision::Full), ("bf16", LinearPrecision::Bf16)];

impl Default for TrainingConfig {
    /// What small language models are usually trained with
    /// ([GPT-3](https://arxiv.org/abs/2005.14165), appendix B).
    fn default() -> Self {
        Self {
            seed: 42,
            batch_size: 16,
            accumulation: 1,
            sequence_length: 256,
            windows: Windows::AnyToken,
            learning_rate: 1e-3,
            min_learning_rate: 1e-4,
            warmup_steps: 100,
            total_steps: 1000,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            max_grad_norm: Some(1.0),
            precision: LinearPrecision::Full,
        }
    }
}

impl TrainingConfig {
    pub(super) fn schedule(&self) -> Result<WarmupCosine, NnError> {
        let Self { learning_rate, min_learning_rate, warmup_steps, total_steps, .. } = *self;
        Ok(WarmupCosine::new(learning_rate, min_learning_rate, warmup_steps, total_steps)?)
    }

    pub(super) fn adamw(&self) -> AdamW {
        let Self { learning_rate, beta1, beta2, eps, weight_decay, .. } = *self;
        AdamW { learning_rate, beta1, beta2, eps, weight_decay }
    }

    /// `file` is the name used in errors.
    pub(super) fn validate(&self, file: &str) -> Result<(), NnError> {
        let empty = Map::new();
        let fields = JsonFields::new(file, "", &empty);
        for (field, value) in [
            ("batch_size", self.batch_size),
            ("accumulation", self.accumulation),
            ("sequence_length", self.sequence_length),
        ] {
            if value == 0 {
                return Err(fields.invalid(field, value, "it must be positive"));
            }
        }
        // A file may claim a batch that no memory holds.
        let tokens = self.sequence_length.saturating_add(1).saturating_mul(self.batch_size);
        if tokens > MAX_BATCH_TOKENS {
            let rule = "times sequence_length + 1 it must be at most 2^28";
            return Err(fields.invalid("batch_size", self.batch_size, rule));
        }
        if let Some(norm) = self.max_grad_norm.filter(|norm| norm.is_nan() || *norm <= 0.0) {
            return Err(fields.invalid("max_grad_norm", norm, "it must be positive"));
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let precision = PRECISIONS.iter().find(|(_, precision)| *precision == self.precision);
        let value = json!({
            "seed": self.seed,
            "batch_size": self.batch_size,
            "accumulation": self.accumulation,
            "sequence_length": self.sequence_length,
            "windows": self.windows.name(),
            "learning_rate": self.learning_rate,
            "min_learning_rate": self.min_learning_rate,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "beta1": self.beta1,
            "beta2": self.beta2,
            "eps": self.eps,
            "weight_decay": self.weight_decay,
            "max_grad_norm": self.max_grad_norm,
            "precision": precision.map(|(name, _)| name),
        });
        match value {
            Value::Object(object) => object,
            _ => unreachable!("json! of braces is an object"),
        }
    }

    pub(super) fn from_json(fields: &JsonFields<'_>) -> Result<Self, NnError> {
        let windows = fields.text("windows")?.ok_or_else(|| fields.missing("windows"))?;
        // Runs saved by earlier versions have none.
        let name = fields.text("precision")?.unwrap_or("f32");
        let precision = PRECISIONS.iter().find(|(known, _)| *known == name);
        let (_, precision) = *precision.ok_or_else(|| fields.unsupported("precision", name))?;
        Ok(Self {
            seed: fields.required_count("seed")? as u64,
            batch_size: fields.required_count("batch_size")?,
            accumulation: fields.count("accumulation")?.unwrap_or(1),
            sequence_length: fields.required_count("sequence_length")?,
            windows: Windows::from_name(windows)
                .ok_or_else(|| fields.unsupported("windows", windows))?,
            learning_rate: fields.required_number("learning_rate")?,
            min_learning_rate: fields.required_number("min_learning_rate")?,
            warmup_steps: fields.required_count("warmup_steps")? as u64,
            total_steps: fields.required_count("total_steps")? as u64,
            beta1: fields.required_number("beta1")?,
            beta2: fields.required_number("beta2")?,
            eps: fields.required_number("eps")?,
            weight_decay: fields.required_number("weight_decay")?,
            max_grad_norm: fields.number("max_grad_norm")?,
            precision,
        })
    }
}
