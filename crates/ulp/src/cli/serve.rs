//! `ulp serve`: answers over HTTP.

use super::chat::template;
use super::flags::{ContextFlag, Loaded, ModelFlags};
use super::memory::refuse_more_than_all;
use crate::error::CliError;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ulp_infer::{EngineOptions, KvCache, LoraAdapter, MachineLimits};
use ulp_serve::{Ceiling, ServeOptions, ServedModel};

const EXAMPLES: &str = "\
Examples:
  ulp serve
  ulp serve -m model.gguf --port 9000 --alias my-model
  ULP_API_KEY=secret ulp serve -m model.gguf --host 0.0.0.0
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'

SIGTERM or Ctrl-C: no new requests, those that run end within --drain seconds, exit code 0. A second
one ends at once.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// The address to listen on; 0.0.0.0 is all of this machine's
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,

    /// The port; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,

    /// A name of the model in requests and answers; may be given more than once [default: its
    /// file's]
    #[arg(short, long, value_name = "NAME")]
    alias: Vec<String>,

    /// A LoRA adapter in a directory, and the name by which requests ask for it; may be given more
    /// than once
    #[arg(long, value_name = "NAME=DIRECTORY", value_parser = parse_adapter)]
    lora: Vec<(String, PathBuf)>,

    /// A file of keys, one a line, of which a client must send one; so does the environment
    /// variable ULP_API_KEY
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,

    /// Let pages of this origin call (`https://example.org`, or `*`); may be given more than once
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,

    /// A file with a Jinja template to use instead of the model's own
    #[arg(long, value_name = "FILE")]
    chat_template: Option<PathBuf>,

    #[command(flatten)]
    model: ModelFlags,

    #[command(flatten)]
    context: ContextFlag,

    #[command(flatten)]
    engine: EngineFlags,

    #[command(flatten)]
    limits: LimitFlags,

    /// Do not measure at the start what the machine can do at most, which is shown beside what is
    /// done; it takes half a second and half a GiB
    #[arg(long)]
    no_measure: bool,

    /// The form of the log, which goes to standard error
    #[arg(long, value_name = "FORM", default_value = "text")]
    log: LogForm,
}

#[derive(Args)]
#[command(next_help_heading = "Engine")]
struct EngineFlags {
    /// Sequences that run at once
    #[arg(long, visible_alias = "parallel", value_name = "N", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_running: u32,

    /// Tokens in the cache, for all sequences together [default: 4 contexts]
    #[arg(long, value_name = "N")]
    cache: Option<usize>,

    /// Tokens that one step computes at most
    #[arg(long, value_name = "N", default_value_t = 512)]
    step_tokens: usize,

    /// Tokens to guess from what was said before; 0 is none
    #[arg(long, value_name = "N", default_value_t = 0)]
    draft: usize,
}

#[derive(Args)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    /// Sequences that wait at most; one more gets 503
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_queue: usize,

    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 1024)]
    max_connections: usize,

    /// Bytes of a request's body
    #[arg(long, value_name = "N", default_value_t = 8 << 20)]
    max_body: usize,

    /// Tokens of a prompt [default: what the context holds]
    #[arg(long, value_name = "N")]
    max_prompt: Option<usize>,

    /// Answers to one request
    #[arg(long, value_name = "N", default_value_t = 16)]
    max_n: usize,

    /// Responses that are kept in memory to go on from; 0 keeps none
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_stored: usize,

    /// Bytes of all of them at most; the oldest go first
    #[arg(long, value_name = "N", default_value_t = 64 << 20)]
    max_stored_bytes: usize,

    /// Seconds that a request may take
    #[arg(long, value_name = "S", default_value = "600", value_parser = parse_seconds)]
    timeout: Duration,

    /// Seconds that requests may go on after the signal to end
    #[arg(long, value_name = "S", default_value = "30", value_parser = parse_seconds)]
    drain: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogForm {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
    /// Nothing.
    None,
}

fn parse_adapter(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.into(), path.into()))
        }
        _ => Err("a name, =, and a directory".to_string()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.ok_or_else(|| "a number of seconds".to_string())
}

/// What it means.
pub(super) struct Serve {
    model: ServedModel,
    options: ServeOptions,
    log: LogForm,
    /// For the line that says that it runs.
    name: String,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Serve, CliError> {
        let api_keys = keys(self.api_key_file.as_deref())?;
        let loaded = self.model.load()?;
        let template = template::find(self.chat_template.as_deref(), &loaded);
        let template = match (&self.chat_template, template) {
            // Without a template there is no chat; the rest works.
            (None, Err(CliError::Usage { .. })) => None,
            (_, template) => Some(template?),
        };
        let tokenizer = Arc::new(loaded.tokenizer()?);
        let load = |(name, path): (String, PathBuf)| -> Result<_, CliError> {
            Ok((name, Arc::new(LoraAdapter::load(path, &loaded.model)?)))
        };
        let adapters = self.lora.into_iter().map(load).collect::<Result<_, _>>()?;
        let engine = self.engine.resolve(&loaded, &self.context)?;
        let names = if self.alias.is_empty() { vec![short_name(&loaded.name)] } else { self.alias };
        let options = ServeOptions {
            host: self.host,
            port: self.port,
            api_keys,
            cors_origins: self.cors_origin,
            max_connections: self.limits.max_connections,
            max_body: self.limits.max_body,
            max_prompt: self.limits.max_prompt.unwrap_or(usize::MAX),
            max_n: self.limits.max_n,
            max_stored: self.limits.max_stored,
            max_stored_bytes: self.limits.max_stored_bytes,
            max_queue: self.limits.max_queue,
            timeout: self.limits.timeout,
            drain: self.limits.drain,
            ..ServeOptions::default()
        };
        let ceiling = if self.no_measure { None } else { ceiling(&loaded)? };
        let model = ServedModel {
            names,
            model: loaded.model,
            tokenizer,
            template,
            adapters,
            engine,
            ceiling,
        };
        Ok(Serve { model, options, log: self.log, name: loaded.name })
    }
}

/// Weights below this many bytes may stay in a processor's cache; memory is no limit to them then.
const IN_MEMORY: usize = 64 << 20;

fn ceiling(loaded: &Loaded) -> Result<Option<Ceiling>, CliError> {
    let plan = loaded.source.plan()?.with_cache_type(loaded.precision.cache);
    let is_large = plan.weight_bytes() >= IN_MEMORY;
    Ok(is_large.then(|| Ceiling { plan, limits: MachineLimits::measure() }))
}

impl EngineFlags {
    fn resolve(&self, loaded: &Loaded, context: &ContextFlag) -> Result<EngineOptions, CliError> {
        if let Some(positions) = self.cache {
            let (shape, ty) = (loaded.model.cache_shape(), loaded.precision.cache);
            let bytes = positions as u128 * KvCache::bytes_per_position(shape, ty) as u128;
            refuse_more_than_all("--cache", &format!("a cache of {positions} tokens"), bytes)?;
        }
        let context = context.length(loaded);
        let one = if context == 0 { loaded.model.context() } else { context };
        Ok(EngineOptions {
            activations: loaded.precision.activations,
            cache_type: loaded.precision.cache,
            context,
            cache: self.cache.unwrap_or(one.saturating_mul(4)),
            max_running: self.max_running as usize,
            step_tokens: self.step_tokens,
            max_draft: self.draft,
            ..EngineOptions::default()
        })
    }
}

impl Serve {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        self.log.install();
        let name = self.name;
        // Whoever started it with port 0 reads the address here.
        let mut written = Ok(());
        ulp_serve::serve(self.model, self.options, |address| {
            written = writeln!(out, "{name} on http://{address}").and_then(|()| out.flush());
        })?;
        Ok(written?)
    }
}

impl LogForm {
    fn install(self) {
        let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
        match self {
            LogForm::Text => log.with_ansi(false).init(),
            LogForm::Json => log.json().flatten_event(true).with_span_list(false).init(),
            LogForm::None => {}
        }
    }
}

/// The keys of the file and of the environment.
fn keys(file: Option<&Path>) -> Result<Vec<String>, CliError> {
    let mut keys = Vec::new();
    if let Some(path) = file {
        let text = super::flags::read_text(path)?;
        keys.extend(text.lines().map(str::trim).filter(|key| !key.is_empty()).map(String::from));
        if keys.is_empty() {
            return Err(CliError::usage("--api-key-file", "the file has no key"));
        }
    }
    match std::env::var("ULP_API_KEY") {
        Ok(key) if !key.is_empty() => keys.push(key),
        Err(std::env::VarError::NotUnicode(_)) => {
            return Err(CliError::usage("ULP_API_KEY", "not UTF-8"));
        }
        _ => {}
    }
    Ok(keys)
}

/// A name for a model from that of its file or directory.
fn short_name(name: &str) -> String {
    let path = Path::new(name);
    let is_file = path.extension().is_some_and(|extension| extension == "gguf");
    let short = if is_file { path.file_stem() } else { path.file_name() };
    match short.map(|short| short.to_string_lossy().replace(' ', "-")) {
        Some(short) if name != "the embedded model" => short,
        Some(_) => "ulp".to_string(),
        None => "model".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_name_of_its_file() {
        for (path, name) in [
            ("models/SmolLM2-135M.Q4_1.gguf", "SmolLM2-135M.Q4_1"),
            ("/models/my model/", "my-model"),
            ("the embedded model", "ulp"),
            ("..", "model"),
        ] {
            assert_eq!(short_name(path), name);
        }
    }

    #[test]
    fn seconds_have_fractions() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["", "-1", "inf", "1e300", "x"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
