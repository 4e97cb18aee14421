//! The figures, as a table and as JSON.

use crate::error::CliError;
use serde_json::{Value as Json, json};
use std::io::Write;
use ulp_infer::{Divergence, Likelihood, Windows};

/// What was measured.
pub(super) struct Report<'a> {
    model: &'a str,
    windows: usize,
    context: usize,
    pub(super) likelihood: Likelihood,
    pub(super) seconds: f64,
    /// The reference's name, its own likelihood, and how far the model is from it.
    pub(super) against: Option<(String, Likelihood, Divergence)>,
}

impl<'a> Report<'a> {
    pub(super) fn new(model: &'a str, windows: &Windows<'_>) -> Self {
        Report {
            model,
            windows: windows.len(),
            context: windows.context(),
            likelihood: Likelihood::default(),
            seconds: 0.0,
            against: None,
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> Result<(), CliError> {
        let Report { windows, context, likelihood, .. } = self;
        writeln!(
            out,
            "perplexity         {:.4} ± {:.4}  ({:.5} nats a token; {} tokens in {windows} windows of {context})",
            likelihood.perplexity(),
            likelihood.perplexity_error(),
            likelihood.mean(),
            likelihood.count(),
        )?;
        let Some((name, theirs, divergence)) = &self.against else { return Ok(()) };
        let (ours, reference) = (likelihood.perplexity(), theirs.perplexity());
        writeln!(
            out,
            "of the reference   {reference:.4}  ({name}), ratio {:.5}",
            ours / reference
        )?;
        writeln!(
            out,
            "KL from reference  {:.6} ± {:.6} nats a token",
            divergence.mean(),
            divergence.mean_error()
        )?;
        let quantiles = [0.5, 0.9, 0.99, 1.0].map(|q| divergence.quantile(q));
        let [half, nine, ninety_nine, all] = quantiles;
        writeln!(
            out,
            "                   median {half:.6}, 90% {nine:.6}, 99% {ninety_nine:.6}, largest {all:.6}"
        )?;
        writeln!(out, "same best token    {:.3}%", 100.0 * divergence.same_top())?;
        writeln!(out, "rms change of p    {:.3}%", 100.0 * divergence.rms_shift())?;
        Ok(())
    }

    pub(super) fn to_json(&self) -> Json {
        let Report { likelihood, .. } = self;
        let mut json = json!({
            "model": self.model,
            "perplexity": likelihood.perplexity(),
            "perplexity_error": finite(likelihood.perplexity_error()),
            "mean_nll": likelihood.mean(),
            "tokens": likelihood.count(),
            "windows": self.windows,
            "ctx": self.context,
            "seconds": self.seconds,
        });
        if let Some((name, theirs, divergence)) = &self.against {
            json["reference"] = json!({
                "model": name,
                "perplexity": theirs.perplexity(),
                "kl": divergence.mean(),
                "kl_error": finite(divergence.mean_error()),
                "kl_median": divergence.quantile(0.5),
                "kl_p90": divergence.quantile(0.9),
                "kl_p99": divergence.quantile(0.99),
                "kl_max": divergence.quantile(1.0),
                "same_top": divergence.same_top(),
                "rms_shift": divergence.rms_shift(),
            });
        }
        json
    }
}

/// JSON has no NaN: what is not known is null.
fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}
