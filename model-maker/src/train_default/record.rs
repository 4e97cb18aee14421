//! What is committed beside the default model: recipe, loss curve, time.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use ulp_nn::{LlamaConfig, TrainingConfig};

/// Steps whose losses make one point of the committed curve.
const STEPS_A_POINT: usize = 100;

/// Losses that are committed with all their bits.
const EXACT_LOSSES: usize = 25;

/// The losses so far and the time they took, kept in a file so that it outlives a stop.
pub(super) struct Record {
    path: PathBuf,
    losses: Vec<f64>,
    seconds: Vec<f64>,
    pub(super) held_out_loss: Option<f64>,
}

impl Record {
    /// The record in a file, or an empty one.
    pub(super) fn open(path: &Path) -> Self {
        let value: Value = fs::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let numbers = |field: &str| {
            value[field].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        let (losses, seconds) = (numbers("losses"), numbers("seconds"));
        Self { path: path.to_path_buf(), losses, seconds, held_out_loss: None }
    }

    /// Drops what was noted for steps that will be taken again.
    pub(super) fn forget_from(&mut self, step: u64) {
        self.losses.truncate(step as usize);
        self.seconds.truncate(step as usize);
    }

    pub(super) fn note(&mut self, step: u64, loss: f64, seconds: f64) {
        self.forget_from(step);
        self.losses.push(loss);
        self.seconds.push(seconds);
    }

    pub(super) fn save(&self) -> Result<(), Box<dyn Error>> {
        let value = json!({"losses": self.losses, "seconds": self.seconds});
        fs::write(&self.path, value.to_string())?;
        Ok(())
    }

    /// Writes the committed form.
    pub(super) fn write(
        &self,
        path: &Path,
        model: &LlamaConfig,
        training: &TrainingConfig,
    ) -> Result<(), Box<dyn Error>> {
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let curve: Vec<String> =
            self.losses.chunks(STEPS_A_POINT).map(|chunk| format!("{:.4}", mean(chunk))).collect();
        let model: Value = serde_json::from_str(&model.to_json())?;
        let value = json!({
            "made_by": "cargo xtask train-default",
            "licence": "MIT OR Apache-2.0",
            "model": model,
            "training": {
                "seed": training.seed,
                "batch_size": training.batch_size,
                "sequence_length": training.sequence_length,
                "steps": training.total_steps,
                "warmup_steps": training.warmup_steps,
                "learning_rate": training.learning_rate,
                "min_learning_rate": training.min_learning_rate,
                "weight_decay": training.weight_decay,
                "optimizer": "AdamW",
            },
            "weights": "Q8_0",
            "seconds_of_training": self.seconds.iter().sum::<f64>().round(),
            "threads": std::thread::available_parallelism()?.get(),
            "held_out_loss_nats": self.held_out_loss,
            "first_losses": &self.losses[..EXACT_LOSSES.min(self.losses.len())],
            "steps_a_point": STEPS_A_POINT,
            "loss_nats": curve.join(" "),
        });
        fs::write(path, format!("{value:#}\n"))?;
        Ok(())
    }
}
