//! `ulp perplexity`: how well a model predicts a text, alone or beside a reference.

mod reference;
mod report;

use super::flags::{Loaded, ModelArgument, WindowFlags, Windowed};
use super::inputs::refuse_inputs;
use super::progress;
use crate::error::CliError;
use clap::Args;
use reference::Reference;
use report::Report;
use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use ulp_infer::{Distributions, Divergence, InferError, Likelihood, SavedDistributions};

const EXAMPLES: &str = "\
Examples:
  ulp perplexity model.gguf --text wiki.txt
  ulp perplexity q4.gguf --text wiki.txt --against f16.gguf
  ulp perplexity f16.gguf --text wiki.txt --save-logits f16.logits
  ulp perplexity q4.gguf --text wiki.txt --logits f16.logits --json

The text is cut into windows of --ctx tokens; in each, the second half is scored (as llama.cpp's
perplexity tool does, so that figures can be compared). With a reference, also the mean of
KL(reference || model), the share of places where both have the same most probable token, and the
root mean square of the change in the right token's probability.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    #[command(flatten)]
    text: WindowFlags,

    /// Compare with this model, which runs beside with exact activations
    #[arg(long, value_name = "PATH", conflicts_with = "logits")]
    against: Option<PathBuf>,

    /// Compare with distributions that --save-logits wrote
    #[arg(long, value_name = "FILE")]
    logits: Option<PathBuf>,

    /// Write the model's distributions: 4 bytes for each token of the vocabulary and each scored place
    #[arg(long, value_name = "FILE", conflicts_with_all = ["against", "logits"])]
    save_logits: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelArgument,
}

/// What it means.
pub(super) struct Perplexity {
    loaded: Loaded,
    text: Windowed,
    reference: Option<Reference>,
    save: Option<PathBuf>,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Perplexity, CliError> {
        if let Some(path) = &self.save_logits {
            refuse_inputs("--save-logits", path, self.text.inputs().chain(self.model.inputs()))?;
        }
        let text = self.text.read()?;
        let loaded = self.model.load()?;
        let reference = match (self.against, self.logits) {
            (Some(path), _) => Some(Reference::model(&path)?),
            (None, Some(path)) => Some(Reference::Saved(SavedDistributions::open(path)?)),
            (None, None) => None,
        };
        let text = text.tokens(&loaded)?;
        Ok(Perplexity { loaded, text, reference, save: self.save_logits, json: self.json })
    }
}

impl Perplexity {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let (windows, start) = (self.text.windows()?, Instant::now());
        if let Some(reference) = &self.reference {
            reference.check(&self.loaded, &windows)?;
        }
        let bar = progress::bar(windows.len() as u64, "windows");
        let mut report = Report::new(&self.loaded.name, &windows);
        let mut of_reference = Likelihood::default();
        let mut divergence = Divergence::default();
        // The model that computes, for what it may compute.
        let other = self.reference.as_ref().map(Reference::name);
        let computing = Cell::new(&self.loaded.name);
        let mut window = |index| -> Result<Distributions, InferError> {
            let Loaded { model, precision, .. } = &self.loaded;
            let rows = Distributions::of(model, &windows, index, *precision)?;
            rows.score(&mut report.likelihood);
            if let Some(reference) = &self.reference {
                computing.set(other.as_ref().unwrap_or(&self.loaded.name));
                let theirs = reference.distributions(&windows, index)?;
                computing.set(&self.loaded.name);
                theirs.score(&mut of_reference);
                divergence.compare(&theirs, &rows);
            }
            bar.inc(1);
            Ok(rows)
        };
        let vocabulary = self.loaded.model.vocab_size();
        let done = match &self.save {
            Some(path) => SavedDistributions::write(path, &windows, vocabulary, window),
            None => (0..windows.len()).try_for_each(|index| window(index).map(drop)),
        };
        done.map_err(|error| CliError::from(error).in_model(computing.get()))?;
        bar.finish_and_clear();
        report.seconds = start.elapsed().as_secs_f64();
        report.against = self.reference.map(|r| (r.name(), of_reference, divergence));
        if self.json { Ok(writeln!(out, "{}", report.to_json())?) } else { report.print(out) }
    }
}
