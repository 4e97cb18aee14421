//! Which model, on how many threads.

use crate::error::CliError;
use clap::Args;
use std::path::{Path, PathBuf};
use ulp_infer::{Gguf, InferError, Tokenizer};

/// `-t`, as typed.
#[derive(Args)]
pub(in crate::cli) struct Threads {
    /// Threads to compute on [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Threads {
    /// Sizes the pool that everything computes on. Results do not depend on it.
    pub(in crate::cli) fn apply(&self) {
        if let Some(threads) = self.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
            pool.build_global().expect("nothing has been computed yet");
        }
    }
}

/// Where a model's parts are.
pub(in crate::cli) enum ModelSource {
    /// One file with everything.
    Gguf(Gguf),
    /// `config.json`, `*.safetensors`, `tokenizer.json` or `tokenizer.model`.
    Directory(PathBuf),
}

impl ModelSource {
    pub(in crate::cli) fn open(path: &Path) -> Result<ModelSource, CliError> {
        match path.is_dir() {
            true => Ok(ModelSource::Directory(path.to_path_buf())),
            false => Ok(ModelSource::Gguf(Gguf::open(path)?)),
        }
    }

    pub(in crate::cli) fn tokenizer(&self) -> Result<Tokenizer, InferError> {
        match self {
            ModelSource::Gguf(gguf) => Tokenizer::from_gguf(gguf),
            ModelSource::Directory(path) => Tokenizer::from_dir(path),
        }
    }
}
