//! Which model, and how to run it.

use super::{KvFlag, SpeculationFlags, Threads};
use crate::cli::progress;
use crate::cli::tokenize::load_tokenizer;
use crate::embedded;
use crate::error::CliError;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ulp_infer::{
    Activations, Engine, EngineOptions, Gguf, HfDirectory, InferError, Model, ModelPlan, Precision,
    Tokenizer,
};

/// As typed.
#[derive(Args)]
#[command(next_help_heading = "Model")]
pub(in crate::cli) struct ModelFlags {
    /// A GGUF file or a Hugging Face directory [default: the model inside this program]
    #[arg(short, long, value_name = "PATH")]
    model: Option<PathBuf>,

    /// Take the tokenizer from here: whatever `ulp tokenize -m` reads
    #[arg(long, value_name = "PATH")]
    tokenizer: Option<PathBuf>,

    /// Keep activations in f32 rather than round them to 8 bits, or to bf16 beside such weights: slower, more
    /// accurate
    #[arg(long)]
    exact: bool,

    #[command(flatten)]
    kv: KvFlag,

    #[command(flatten)]
    threads: Threads,
}

/// `-c`, as typed.
#[derive(Args)]
#[command(next_help_heading = "Model")]
pub(in crate::cli) struct ContextFlag {
    /// Tokens of prompt and answer together [default: what the model was made for]
    #[arg(short, long, alias = "ctx-size", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    ctx: Option<u32>,
}

impl ContextFlag {
    /// The length that was asked for, or 0; says so if the model's own is shorter.
    pub(in crate::cli) fn length(&self, loaded: &Loaded) -> usize {
        let context = self.ctx.map_or(0, |n| n as usize);
        let longest = loaded.model.context();
        if context > longest {
            eprintln!("ulp: the model was made for {longest} tokens of context, -c is cut to that");
        }
        context
    }
}

/// The same, where the model may also be the first argument.
#[derive(Args)]
pub(in crate::cli) struct ModelArgument {
    /// A GGUF file or a Hugging Face directory; the same as -m
    #[arg(value_name = "MODEL", conflicts_with = "model")]
    argument: Option<PathBuf>,

    #[command(flatten)]
    flags: ModelFlags,
}

/// A model in memory.
pub(in crate::cli) struct Loaded {
    /// What to call it.
    pub(in crate::cli) name: String,
    pub(in crate::cli) model: Arc<Model>,
    pub(in crate::cli) source: ModelSource,
    pub(in crate::cli) precision: Precision,
    /// How long it took to load.
    pub(in crate::cli) time: Duration,
    tokenizer: Option<PathBuf>,
}

impl ModelArgument {
    /// The files and directories that are read.
    pub(in crate::cli) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.argument, &self.flags.model, &self.flags.tokenizer];
        all.into_iter().flatten().map(PathBuf::as_path)
    }

    pub(in crate::cli) fn load(self) -> Result<Loaded, CliError> {
        let ModelArgument { argument, flags } = self;
        ModelFlags { model: flags.model.or(argument), ..flags }.load()
    }
}

impl ModelFlags {
    pub(in crate::cli) fn load(self) -> Result<Loaded, CliError> {
        self.threads.apply()?;
        let activations = if self.exact { Activations::Exact } else { Activations::Quantized };
        let precision = Precision { activations, cache: self.kv.ty };
        Loaded::open(self.model.as_deref(), self.tokenizer, precision)
    }
}

impl Loaded {
    /// The model at `path`, or the one inside this program.
    pub(in crate::cli) fn open(
        path: Option<&Path>,
        tokenizer: Option<PathBuf>,
        precision: impl Into<Precision>,
    ) -> Result<Loaded, CliError> {
        let start = Instant::now();
        let spinner = progress::spinner("loading the model");
        let source = match path {
            Some(path) => ModelSource::open(path)?,
            None => ModelSource::Gguf(embedded::gguf()?),
        };
        let model = Arc::new(source.model()?);
        spinner.finish_and_clear();
        let (name, time) = (source.name(), start.elapsed());
        Ok(Loaded { name, model, source, precision: precision.into(), time, tokenizer })
    }

    /// The model's tokenizer, or the one that was named.
    pub(in crate::cli) fn tokenizer(&self) -> Result<Tokenizer, CliError> {
        let tokenizer = self.any_tokenizer()?;
        let (tokens, rows) = (tokenizer.vocab_size(), self.model.vocab_size());
        // Some models have special tokens more than rows, for padding alone, which no text asks for.
        if (rows..tokens).all(|id| tokenizer.is_special(id as u32)) {
            return Ok(tokenizer);
        }
        let file = self.tokenizer.as_ref().map(|path| path.display().to_string());
        let (tokenizer, model) = (file.unwrap_or(self.name.clone()), self.name.clone());
        Err(CliError::Vocabulary { tokenizer, tokens, model, rows })
    }

    fn any_tokenizer(&self) -> Result<Tokenizer, CliError> {
        if let Some(path) = &self.tokenizer {
            return load_tokenizer(Some(path));
        }
        self.source.tokenizer().map_err(|error| match error {
            InferError::Io { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                let problem = format!("{} is not there, name a tokenizer", path.display());
                CliError::usage("--tokenizer", problem)
            }
            error => error.into(),
        })
    }

    /// An engine for one request at a time.
    pub(in crate::cli) fn engine(
        &self,
        tokenizer: &Arc<Tokenizer>,
        context: &ContextFlag,
        speculation: &SpeculationFlags,
    ) -> Result<Engine, CliError> {
        let options = EngineOptions {
            activations: self.precision.activations,
            cache_type: self.precision.cache,
            context: context.length(self),
            max_draft: speculation.max_draft(),
            ..EngineOptions::default()
        };
        let engine = Engine::new(Arc::clone(&self.model), Arc::clone(tokenizer), options);
        Ok(match speculation.draft(self)? {
            Some(draft) => engine.with_draft(draft),
            None => engine,
        })
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

    fn name(&self) -> String {
        match self {
            ModelSource::Gguf(gguf) => gguf.file().to_string(),
            ModelSource::Directory(path) => path.display().to_string(),
        }
    }

    pub(in crate::cli) fn model(&self) -> Result<Model, InferError> {
        match self {
            ModelSource::Gguf(gguf) => Model::from_gguf(gguf),
            ModelSource::Directory(path) => Model::load(path),
        }
    }

    /// The model's shapes.
    pub(in crate::cli) fn plan(&self) -> Result<ModelPlan, InferError> {
        match self {
            ModelSource::Gguf(gguf) => ModelPlan::from_gguf(gguf),
            ModelSource::Directory(path) => ModelPlan::from_hugging_face(&HfDirectory::open(path)?),
        }
    }

    pub(in crate::cli) fn tokenizer(&self) -> Result<Tokenizer, InferError> {
        match self {
            ModelSource::Gguf(gguf) => Tokenizer::from_gguf(gguf),
            ModelSource::Directory(path) => Tokenizer::from_dir(path),
        }
    }
}
