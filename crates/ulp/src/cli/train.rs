//! `ulp train`: a small Llama from a text file, in a directory that every tool of the field reads.

mod corpus;
mod dimensions;

use super::flags::Threads;
use super::interrupt::Interrupt;
use super::progress;
use super::tokenize::load_tokenizer;
use crate::error::CliError;
use clap::Args;
use corpus::Corpus;
use dimensions::Dimensions;
use indicatif::ProgressBar;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use ulp_infer::Tokenizer;
use ulp_nn::{StepReport, Trainer, TrainingConfig, Windows, replace_file};

/// What was typed.
#[derive(Args)]
pub(super) struct Typed {
    /// The text to learn from, UTF-8
    #[arg(long, value_name = "FILE")]
    text: PathBuf,

    /// The directory of the model and of everything needed to go on: config.json,
    /// model.safetensors, tokenizer.json, the optimizer's state
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Go on with the run in --out, whose configuration stands there
    #[arg(long, conflicts_with_all = ["fresh", "dimensions"])]
    resume: bool,

    #[command(flatten)]
    fresh: Fresh,

    #[command(flatten)]
    dimensions: dimensions::Typed,

    /// What stands between documents in the text
    #[arg(long, value_name = "TEXT", default_value = "<|endoftext|>")]
    separator: String,

    /// Save the run every N steps; it is always saved at the end and at Ctrl-C
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

    /// Seed of first weights and of batches [default: 42]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Begin sequences at documents only, as prompts do
    #[arg(long)]
    at_documents: bool,
}

/// What it means.
pub(super) struct Train {
    trainer: Trainer,
    corpus: Corpus,
    out: PathBuf,
    checkpoint_every: u64,
    /// The step at which this call ends.
    last_step: u64,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Train, CliError> {
        self.threads.apply();
        let (trainer, corpus) = if self.resume { self.resumed()? } else { self.begun()? };
        let total = trainer.config().total_steps;
        let last_step = match self.stop_after {
            Some(steps) => trainer.step_count().saturating_add(steps).min(total),
            None => total,
        };
        Ok(Train {
            trainer,
            corpus,
            out: self.out,
            checkpoint_every: self.checkpoint_every,
            last_step,
            json: self.json,
        })
    }

    fn resumed(&self) -> Result<(Trainer, Corpus), CliError> {
        let trainer = Trainer::load(&self.out)?;
        let tokenizer = Tokenizer::from_dir(&self.out)?;
        let corpus = Corpus::read(&self.text, &self.separator, &tokenizer)?;
        corpus.check_same(&self.out)?;
        Ok((trainer, corpus))
    }

    fn begun(&self) -> Result<(Trainer, Corpus), CliError> {
        if self.out.join("trainer.json").exists() {
            let problem = format!(
                "{} holds a run: add --resume, or name another directory",
                self.out.display()
            );
            return Err(CliError::usage("--out", problem));
        }
        let Fresh { tokenizer, vocab_size, .. } = &self.fresh;
        let tokenizer = match tokenizer {
            Some(path) => load_tokenizer(Some(path))?,
            None => {
                let spinner = progress::spinner("learning a vocabulary");
                let vocab_size = vocab_size.unwrap_or(DEFAULT_VOCAB_SIZE);
                let learned = corpus::learn_tokenizer(&self.text, &self.separator, vocab_size)?;
                spinner.finish_and_clear();
                learned
            }
        };
        let corpus = Corpus::read(&self.text, &self.separator, &tokenizer)?;
        let training = self.fresh.training();
        let dimensions: Dimensions = self.dimensions.resolve()?;
        let model = dimensions.config(&tokenizer, training.sequence_length)?;
        corpus.tokens().check_vocabulary(model.vocab_size)?;
        let trainer = Trainer::new(model, training)?;
        trainer.save(&self.out)?;
        save_tokenizer(&tokenizer, &self.out)?;
        corpus.save_fingerprint(&self.out)?;
        Ok((trainer, corpus))
    }
}

const DEFAULT_VOCAB_SIZE: usize = 1024;
const DEFAULT_CONTEXT: usize = 128;

impl Fresh {
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

/// How often a line is written where no terminal shows a bar.
const SECONDS_BETWEEN_LINES: Duration = Duration::from_secs(10);

impl Train {
    pub(super) fn run(mut self, out: &mut impl Write) -> Result<(), CliError> {
        let interrupt = Interrupt::install();
        let bar = progress::bar(self.last_step, "loss -");
        bar.set_position(self.trainer.step_count());
        let mut pace = Pace::new();
        let mut saved = self.trainer.step_count();
        while self.trainer.step_count() < self.last_step && !interrupt.is_pressed() {
            let report = self.trainer.step(self.corpus.tokens())?;
            pace.step(report.tokens);
            self.show(&report, &mut pace, &bar, out)?;
            if self.trainer.step_count().is_multiple_of(self.checkpoint_every) {
                self.trainer.save(&self.out)?;
                saved = self.trainer.step_count();
            }
        }
        bar.finish_and_clear();
        if saved != self.trainer.step_count() {
            self.trainer.save(&self.out)?;
        }
        let state = if self.trainer.is_done() { "done" } else { "stopped, --resume goes on" };
        let (steps, total) = (self.trainer.step_count(), self.trainer.config().total_steps);
        eprintln!("{}: step {steps} of {total}, {state}", self.out.display());
        Ok(())
    }

    fn show(
        &self,
        report: &StepReport,
        pace: &mut Pace,
        bar: &ProgressBar,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        let rate = pace.tokens_per_second();
        bar.set_message(format!("loss {:.4}  {rate:.0} tokens/s", report.loss));
        bar.inc(1);
        if self.json {
            let line = json!({
                "step": report.step,
                "loss": report.loss,
                "grad_norm": report.grad_norm,
                "learning_rate": report.learning_rate,
                "tokens_per_second": rate,
            });
            writeln!(out, "{line}")?;
            out.flush()?;
        } else if bar.is_hidden() && pace.is_time_for_a_line() {
            let total = self.trainer.config().total_steps;
            let (step, loss) = (report.step + 1, report.loss);
            eprintln!("step {step}/{total}  loss {loss:.4}  {rate:.0} tokens/s");
        }
        Ok(())
    }
}

/// Tokens a second, smoothed over the last steps.
struct Pace {
    last: Instant,
    last_line: Instant,
    rate: Option<f64>,
}

impl Pace {
    fn new() -> Pace {
        let now = Instant::now();
        Pace { last: now, last_line: now, rate: None }
    }

    fn step(&mut self, tokens: usize) {
        let now = Instant::now();
        let rate = tokens as f64 / now.duration_since(self.last).as_secs_f64().max(1e-9);
        self.rate = Some(self.rate.map_or(rate, |before| 0.9 * before + 0.1 * rate));
        self.last = now;
    }

    fn tokens_per_second(&self) -> f64 {
        self.rate.unwrap_or(0.0)
    }

    fn is_time_for_a_line(&mut self) -> bool {
        let due = self.last_line.elapsed() >= SECONDS_BETWEEN_LINES;
        if due {
            self.last_line = Instant::now();
        }
        due
    }
}

/// Reads a file of the run's directory, if it is there.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, CliError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CliError::io(path, source)),
    }
}
