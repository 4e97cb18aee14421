//! `ulp inspect`: what is in a model file.
//!
//! One reader for each kind of file makes a [`Listing`]; what is printed depends on that alone.

mod directory;
mod gguf;
mod listing;
mod safetensors;

use crate::embedded;
use crate::error::CliError;
use clap::Args;
use listing::Listing;
use std::io::Write;
use std::path::{Path, PathBuf};
use ulp_infer::Gguf;

const EXAMPLES: &str = "\
Examples:
  ulp inspect model.gguf
  ulp inspect DIRECTORY --json | jq .parameters
  ulp inspect model.safetensors --full";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// A GGUF file, a .safetensors file or a Hugging Face directory [default: the model inside
    /// this program]
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,

    /// The same, as other subcommands have it
    #[arg(short, long, value_name = "PATH", conflicts_with = "path")]
    model: Option<PathBuf>,

    /// Print long metadata arrays in full
    #[arg(long)]
    full: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What it means.
pub(super) struct Inspect {
    listing: Listing,
    full: bool,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Inspect, CliError> {
        let listing = match self.path.or(self.model) {
            Some(path) => read(&path)?,
            None => gguf::list(&embedded::gguf()?),
        };
        Ok(Inspect { listing, full: self.full, json: self.json })
    }
}

fn read(path: &Path) -> Result<Listing, CliError> {
    if path.is_dir() {
        return directory::list(path);
    }
    match path.extension() {
        Some(extension) if extension == "safetensors" => safetensors::list(path),
        _ => Ok(gguf::list(&Gguf::open(path)?)),
    }
}

impl Inspect {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        match self.json {
            true => writeln!(out, "{:#}", self.listing.to_json(self.full))?,
            false => self.listing.print(self.full, out)?,
        }
        Ok(())
    }
}
