//! An audit as a table and as JSON.

use crate::printable::printable;
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use ulp_infer::{Divergence, TensorType, WeightError};

/// A tensor's error.
pub(super) struct TensorLine {
    pub(super) name: String,
    pub(super) ty: TensorType,
    pub(super) error: WeightError,
}

/// What a part does at the output.
pub(super) struct LayerLine {
    pub(super) name: String,
    pub(super) divergence: Divergence,
}

pub(super) struct Report {
    pub(super) model: String,
    pub(super) against: String,
    pub(super) tensors: Vec<TensorLine>,
    /// Empty without a text.
    pub(super) layers: Vec<LayerLine>,
}

impl Report {
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{} against {}\n", self.model, self.against)?;
        let names: Vec<String> = self.tensors.iter().map(|t| printable(&t.name)).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0).max(6);
        writeln!(
            out,
            "{:<width$}  {:<7} {:>9} {:>7} {:>10} {:>10}",
            "tensor", "type", "|y-x|/|x|", "dB", "ulps f16", "largest"
        )?;
        for (TensorLine { ty, error, .. }, name) in self.tensors.iter().zip(&names) {
            writeln!(
                out,
                "{name:<width$}  {:<7} {:>9.6} {:>7.2} {:>10.2} {:>10.1}",
                ty.name(),
                error.relative,
                error.decibels,
                error.ulps,
                error.largest_ulps
            )?;
        }
        if self.layers.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{:<12} {:>10} {:>10} {:>9}", "part", "KL, nats", "+-", "same top")?;
        for LayerLine { name, divergence } in &self.layers {
            writeln!(
                out,
                "{name:<12} {:>10.6} {:>10.6} {:>8.2}%",
                divergence.mean(),
                divergence.mean_error(),
                100.0 * divergence.same_top()
            )?;
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Json {
        let tensors: Vec<Json> = self
            .tensors
            .iter()
            .map(|t| {
                json!({
                    "name": t.name, "type": t.ty.name(), "relative_error": t.error.relative,
                    // Infinite without an error, which JSON does not have: null.
                    "signal_to_noise_db": t.error.decibels,
                    "f16_ulps_mean": t.error.ulps, "f16_ulps_max": t.error.largest_ulps,
                })
            })
            .collect();
        let layers: Vec<Json> = self
            .layers
            .iter()
            .map(|l| {
                json!({
                    "part": l.name, "kl_mean": l.divergence.mean(),
                    "kl_standard_error": l.divergence.mean_error(),
                    "same_top": l.divergence.same_top(),
                })
            })
            .collect();
        json!({
            "model": self.model, "against": self.against,
            "tensors": tensors, "layers": layers,
        })
    }
}
