//! One file a subcommand, and the flags that several share.

mod audit;
mod bench;
mod chat;
mod continuation;
mod flags;
mod float;
mod generate;
mod imatrix;
mod inputs;
mod inspect;
mod interrupt;
mod memory;
mod perplexity;
mod plan;
mod proc_file;
mod progress;
mod quantize;
mod score;
mod serve;
mod tokenize;
mod train;

use crate::error::CliError;
use clap::{Parser, Subcommand};
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  ulp generate -p \"Once there was a fox\"
  ulp chat -m models/SmolLM2-135M-Instruct.Q4_1.gguf
  ulp serve --port 8080
  ulp score -p \"Once there was a fox.\" --top 3
  ulp train --text book.txt --out model && ulp generate -m model
  ulp float 0.1

Every subcommand tells more with --help. Without -m it uses the model inside this program.
Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// What was typed.
#[derive(Parser)]
#[command(name = "ulp", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Go on with a text
    Generate(Box<generate::Typed>),
    /// Hold a conversation
    Chat(Box<chat::Typed>),
    /// Answer over HTTP: the OpenAI API
    Serve(Box<serve::Typed>),
    /// Say how probable a text is, token by token
    Score(Box<score::Typed>),
    /// Say how well a model predicts a text, and how far it is from another model
    Perplexity(Box<perplexity::Typed>),
    /// Take a number apart: fields, exact value, error, neighbours, spacing
    Float(float::Typed),
    /// List what is in a model file: metadata, tensors, sizes
    Inspect(inspect::Typed),
    /// Measure how fast a model runs, beside what the machine allows
    Bench(bench::Typed),
    /// Predict the memory and the speed of a model
    Plan(plan::Typed),
    /// Show where a quantized model loses, tensor by tensor and layer by layer
    Audit(audit::Typed),
    /// Find out on a text how much each input of each matrix matters, for quantize
    Imatrix(Box<imatrix::Typed>),
    /// Write a model in another weight format
    Quantize(quantize::Typed),
    /// Turn text into token ids, or ids into text
    Tokenize(tokenize::Typed),
    /// Train a Llama on a text, from the vocabulary up
    Train(Box<train::Typed>),
}

impl Typed {
    pub(crate) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        match self.command {
            Command::Generate(typed) => typed.resolve()?.run(out),
            Command::Chat(typed) => typed.resolve()?.run(out),
            Command::Serve(typed) => typed.resolve()?.run(out),
            Command::Score(typed) => typed.resolve()?.run(out),
            Command::Perplexity(typed) => typed.resolve()?.run(out),
            Command::Float(typed) => typed.resolve()?.run(out),
            Command::Inspect(typed) => typed.resolve()?.run(out),
            Command::Audit(typed) => typed.resolve()?.run(out),
            Command::Bench(typed) => typed.resolve()?.run(out),
            Command::Plan(typed) => typed.resolve()?.run(out),
            Command::Imatrix(typed) => typed.resolve()?.run(out),
            Command::Quantize(typed) => typed.resolve()?.run(out),
            Command::Tokenize(typed) => typed.resolve()?.run(out),
            Command::Train(typed) => typed.resolve()?.run(out),
        }
    }
}
