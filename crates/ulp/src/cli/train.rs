//! `ulp train`: a small Llama from a text file, in a directory that every tool of the field reads.

mod corpus;
mod dimensions;
mod steps;

use super::flags::Threads;
use super::inputs::refuse_inputs;
use super::progress;
use super::tokenize::load_tokenizer;
use crate::error::CliError;
use clap::Args;
use corpus::{Saved, Text};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use ulp_infer::Tokenizer;
use ulp_nn::{
    LinearPrecision, Module, NnError, TokenDataset, Trainer, TrainingConfig, Windows, replace_file,
};

const EXAMPLES: &str = "\
Examples:
  ulp train --text book.txt --out model
  ulp train --text stories.txt --out model --vocab-size 2048 --layers 6 --width 256 --heads 8
  ulp train --out model --resume
  ulp generate -m model -p \"Once\"

Ctrl-C ends the run after its present step, saved; --resume goes on with the same bits. The directory
is one that transformers reads too.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// The text to learn from, UTF-8; `-` is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    text: Option<PathBuf>,

    /// The directory of the model and of all that is needed to go on with it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Go on with the run in --out, whose configuration stands there
    #[arg(long, conflicts_with_all = ["fresh", "dimensions"])]
    resume: bool,

    #[command(flatten)]
    fresh: Fresh,

    #[command(flatten)]
    dimensions: dimensions::Typed,

    /// Save the run every N steps, and at the end and at Ctrl-C in any case
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: u64,

    /// End after this many steps of this call, saved, to be resumed
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,

    #[command(flatten)]
    threads: Threads,

    /// Print each step as a JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Flags of a run that begins. A resumed one has them in its directory.
#[derive(Args)]
#[group(id = "fresh", multiple = true)]
struct Fresh {
    /// Use this tokenizer (as `ulp tokenize -m`) instead of learning one from the text
    #[arg(long, value_name = "PATH", conflicts_with = "vocab_size")]
    tokenizer: Option<PathBuf>,

    /// Tokens of the vocabulary to learn [default: 1024]
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,

    /// Steps in all [default: 1000]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// Sequences a step [default: 16]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// Tokens a sequence [default: 128]
    #[arg(long, value_name = "N")]
    context: Option<usize>,

    /// Highest learning rate [default: 0.001]
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,

    /// Last learning rate [default: a tenth of --lr]
    #[arg(long, value_name = "RATE")]
    min_lr: Option<f64>,

    /// Steps up to the highest learning rate [default: a tenth of --steps, 100 at most]
    #[arg(long, value_name = "N")]
    warmup: Option<u64>,

    /// Decay of matrices [default: 0.1]
    #[arg(long, value_name = "RATE")]
    weight_decay: Option<f64>,

    /// What the linear layers' products read: f32, or weights and activations rounded to bf16, faster where
    /// the processor has a unit for it [default: f32]
    #[arg(long, value_name = "TYPE", value_enum)]
    precision: Option<Precision>,

    /// Seed of first weights and of batches [default: 42]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// What stands between documents in the text [default: <|endoftext|>]
    #[arg(long, value_name = "TEXT")]
    separator: Option<String>,

    /// Begin sequences at documents only, as prompts do
    #[arg(long)]
    at_documents: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Precision {
    F32,
    Bf16,
}

/// What it means.
pub(super) struct Train {
    trainer: Trainer,
    tokens: TokenDataset,
    out: PathBuf,
    checkpoint_every: u64,
    /// The step at which this call ends.
    last_step: u64,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Train, CliError> {
        self.threads.apply()?;
        let (trainer, tokens) = if self.resume { self.resumed()? } else { self.begun()? };
        let total = trainer.config().total_steps;
        let last_step = match self.stop_after {
            Some(steps) => trainer.step_count().saturating_add(steps).min(total),
            None => total,
        };
        say_what_is_trained(&trainer, &tokens);
        Ok(Train {
            trainer,
            tokens,
            out: self.out,
            checkpoint_every: self.checkpoint_every,
            last_step,
            json: self.json,
        })
    }

    fn resumed(&self) -> Result<(Trainer, TokenDataset), CliError> {
        let trainer = Trainer::load(&self.out).map_err(|error| match error {
            NnError::Io { path, source } if source.kind() == ErrorKind::NotFound => {
                let problem = format!("{} is not there: no run to resume", path.display());
                CliError::usage("--resume", problem)
            }
            error => error.into(),
        })?;
        let tokenizer = Tokenizer::from_dir(&self.out)?;
        let saved = Saved::read(&self.out)?;
        let text = saved.text(self.text.as_deref())?;
        let tokens = text.tokens(&tokenizer);
        saved.check(&text, &tokens)?;
        Ok((trainer, tokens))
    }

    fn begun(&self) -> Result<(Trainer, TokenDataset), CliError> {
        let out = &self.out;
        if out.join("trainer.json").exists() {
            let problem = "holds a run: add --resume, or name another directory";
            return Err(CliError::usage("--out", format!("{} {problem}", out.display())));
        }
        let path = self.text.as_deref().expect("clap asks for it");
        self.refuse_inputs(path)?;
        let dimensions = self.dimensions.resolve()?;
        let separator = self.fresh.separator.as_deref().unwrap_or(DEFAULT_SEPARATOR);
        let text = Text::read(path, separator)?;
        let tokenizer = self.fresh.tokenizer(&text)?;
        let tokens = text.tokens(&tokenizer);
        let training = self.fresh.training();
        let model = dimensions.config(&tokenizer, training.sequence_length)?;
        tokens.check_vocabulary(model.vocab_size)?;
        let trainer = Trainer::new(model, training)
            .map_err(|error| CliError::usage("the training's flags", error.to_string()))?;
        // Finds a text that is too short before there is a directory.
        let TrainingConfig { seed, sequence_length, windows, .. } = *trainer.config();
        tokens.batch(seed, 0, 1, sequence_length + 1, windows)?;
        let is_new = !out.exists();
        let written = begin(&trainer, &tokenizer, &text, &tokens, out);
        if written.is_err() && is_new {
            // The failure is the one to tell; what cannot be removed changes nothing.
            let _ = fs::remove_dir_all(out);
        }
        written.map(|()| (trainer, tokens))
    }

    /// Refuses to write a run over what it is made from.
    fn refuse_inputs(&self, text: &Path) -> Result<(), CliError> {
        let text = Some(text).filter(|text| *text != Path::new("-"));
        let inputs = [text, self.dimensions.config(), self.fresh.tokenizer.as_deref()];
        FILES.iter().try_for_each(|name| {
            refuse_inputs("--out", &self.out.join(name), inputs.into_iter().flatten())
        })
    }
}

/// The files of a run.
const FILES: [&str; 7] = [
    "config.json",
    "data.json",
    "model.safetensors",
    "optimizer.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "trainer.json",
];

/// Writes the directory of a run. The trainer's files come last: where they are, everything is.
fn begin(
    trainer: &Trainer,
    tokenizer: &Tokenizer,
    text: &Text,
    tokens: &TokenDataset,
    out: &Path,
) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|source| CliError::io(out, source))?;
    save_tokenizer(tokenizer, out)?;
    text.save(tokens, out)?;
    Ok(trainer.save(out)?)
}

const DEFAULT_VOCAB_SIZE: usize = 1024;
const DEFAULT_CONTEXT: usize = 128;
const DEFAULT_SEPARATOR: &str = "<|endoftext|>";

impl Fresh {
    /// The tokenizer that was asked for, or one learned from the text.
    fn tokenizer(&self, text: &Text) -> Result<Tokenizer, CliError> {
        if let Some(path) = &self.tokenizer {
            return load_tokenizer(Some(path));
        }
        let spinner = progress::spinner("learning a vocabulary");
        let learned = text.learn_tokenizer(self.vocab_size.unwrap_or(DEFAULT_VOCAB_SIZE));
        spinner.finish_and_clear();
        learned
    }

    fn training(&self) -> TrainingConfig {
        let default = TrainingConfig::default();
        let learning_rate = self.lr.unwrap_or(default.learning_rate);
        let total_steps = self.steps.unwrap_or(default.total_steps);
        TrainingConfig {
            seed: self.seed.unwrap_or(default.seed),
            batch_size: self.batch.unwrap_or(default.batch_size),
            sequence_length: self.context.unwrap_or(DEFAULT_CONTEXT),
            windows: match self.at_documents {
                true => Windows::DocumentStart,
                false => Windows::AnyToken,
            },
            learning_rate,
            min_learning_rate: self.min_lr.unwrap_or(learning_rate / 10.0),
            warmup_steps: self.warmup.unwrap_or((total_steps / 10).min(100)),
            total_steps,
            weight_decay: self.weight_decay.unwrap_or(default.weight_decay),
            precision: match self.precision {
                None | Some(Precision::F32) => LinearPrecision::Full,
                Some(Precision::Bf16) => LinearPrecision::Bf16,
            },
            ..default
        }
    }
}

fn save_tokenizer(tokenizer: &Tokenizer, directory: &Path) -> Result<(), CliError> {
    let json = tokenizer.to_tokenizer_json()?;
    replace_file(&directory.join("tokenizer.json"), |out| out.write_all(json.as_bytes()))?;
    let json = tokenizer.to_tokenizer_config_json();
    replace_file(&directory.join("tokenizer_config.json"), |out| out.write_all(json.as_bytes()))?;
    Ok(())
}

fn say_what_is_trained(trainer: &Trainer, tokens: &TokenDataset) {
    let (model, training) = (trainer.model(), trainer.config());
    eprintln!(
        "{} parameters, vocabulary {}; {} tokens in {} documents, {} a step",
        model.parameter_count(),
        model.config.vocab_size,
        tokens.tokens().len(),
        tokens.document_count(),
        training.batch_size * training.sequence_length,
    );
}
