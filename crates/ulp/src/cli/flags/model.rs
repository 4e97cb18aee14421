//! Which model, on how many threads.

use crate::embedded;
use crate::error::CliError;
use clap::Args;
use std::path::{Path, PathBuf};
use ulp_infer::{Bytes, Gguf, InferError, Tokenizer};

/// `-m`, as typed.
#[derive(Args)]
pub(in crate::cli) struct ModelFlags {
    /// A GGUF file or a directory in Hugging Face's form [default: the model inside this program]
    #[arg(short, long, value_name = "PATH")]
    model: Option<PathBuf>,
}

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

impl ModelFlags {
    pub(in crate::cli) fn resolve(&self) -> Result<ModelSource, CliError> {
        match (&self.model, embedded::DEFAULT_MODEL) {
            (Some(path), _) => ModelSource::open(path),
            (None, Some(bytes)) => {
                let gguf = Gguf::parse(Bytes::from_static(bytes), embedded::NAME)?;
                Ok(ModelSource::Gguf(gguf))
            }
            (None, None) => {
                Err(CliError::usage("--model", "needed, this program has no model inside"))
            }
        }
    }
}

impl ModelSource {
    pub(in crate::cli) fn open(path: &Path) -> Result<ModelSource, CliError> {
        match path.is_dir() {
            true => Ok(ModelSource::Directory(path.to_path_buf())),
            false => Ok(ModelSource::Gguf(Gguf::open(path)?)),
        }
    }

    /// What to call it.
    pub(in crate::cli) fn name(&self) -> String {
        match self {
            ModelSource::Gguf(gguf) => gguf.file().to_string(),
            ModelSource::Directory(path) => path.display().to_string(),
        }
    }

    pub(in crate::cli) fn tokenizer(&self) -> Result<Tokenizer, InferError> {
        match self {
            ModelSource::Gguf(gguf) => Tokenizer::from_gguf(gguf),
            ModelSource::Directory(path) => Tokenizer::from_dir(path),
        }
    }
}
