//! One file a subcommand, and the flags that several share.

mod flags;
mod float;
mod inspect;
mod interrupt;
mod progress;
mod tokenize;
mod train;

use crate::error::CliError;
use clap::{Parser, Subcommand};
use std::io::Write;

/// What was typed.
#[derive(Parser)]
#[command(name = "ulp", version, about, max_term_width = 100)]
pub(crate) struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take a number apart: fields, exact value, error, neighbours, spacing
    Float(float::Typed),
    /// List what is in a model file: metadata, tensors, sizes
    Inspect(inspect::Typed),
    /// Turn text into token ids, or ids into text
    Tokenize(tokenize::Typed),
    /// Train a Llama on a text, from the vocabulary up
    Train(Box<train::Typed>),
}

impl Typed {
    pub(crate) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        match self.command {
            Command::Float(typed) => typed.resolve()?.run(out),
            Command::Inspect(typed) => typed.resolve()?.run(out),
            Command::Tokenize(typed) => typed.resolve()?.run(out),
            Command::Train(typed) => typed.resolve()?.run(out),
        }
    }
}
