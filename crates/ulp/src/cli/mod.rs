//! One file a subcommand, and the flags that several share.

mod float;

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
}

impl Typed {
    pub(crate) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        match self.command {
            Command::Float(typed) => typed.resolve()?.run(out),
        }
    }
}
