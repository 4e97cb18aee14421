//! `ulp generate`: goes on with a text.

use super::continuation;
use super::flags::{
    ContextFlag, FormFlags, IdFlags, Loaded, ModelFlags, SamplingFlags, SpeculationFlags, TextFlags,
};
use crate::error::CliError;
use clap::Args;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use ulp_infer::{Engine, FinishReason, InferError, LoraAdapter, Request, Tokenizer};

const EXAMPLES: &str = "\
Examples:
  ulp generate -p \"Once there was a fox\"
  ulp generate -m model.gguf -p \"The capital of France is\" --temp 0 -n 20
  ulp generate -m model.gguf -p \"A cat as JSON: \" -j cat.schema.json
  ulp generate -m model.gguf -f prompt.txt -n -1 --stop THE_END --json > answer.json
  echo \"def add(a, b):\" | ulp generate -m DIRECTORY --seed 1

The prompt is the flag's, the file's or standard input's; without any, the model begins by itself.
Output is the continuation alone; on a terminal the prompt stands before it.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    #[command(flatten)]
    text: TextFlags,

    #[command(flatten)]
    ids: IdFlags,

    /// Tokens to generate at most; -1 is up to the end of the context
    #[arg(short = 'n', long, alias = "n-predict", value_name = "N", default_value = "256")]
    #[arg(allow_negative_numbers = true, value_parser = super::flags::parse_count)]
    predict: usize,

    /// End where the text would hold this; may be given more than once
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    stop: Vec<String>,

    /// Go on after tokens that end a text
    #[arg(long, alias = "ignore-eog")]
    ignore_eos: bool,

    /// Write the prompt before its continuation
    #[arg(long)]
    echo: bool,

    /// Print one JSON object: text, ids, log-probability of each token, timings
    #[arg(long, conflicts_with = "echo")]
    json: bool,

    /// With --json: the K most probable tokens at each place
    #[arg(long, value_name = "K", default_value_t = 0, requires = "json")]
    top: usize,

    /// Say on standard error how long it took
    #[arg(long)]
    timings: bool,

    /// Run the model with the LoRA adapter in this directory
    #[arg(long, value_name = "DIRECTORY")]
    lora: Option<PathBuf>,

    #[command(flatten)]
    form: FormFlags,

    #[command(flatten)]
    speculation: SpeculationFlags,

    #[command(flatten)]
    model: ModelFlags,

    #[command(flatten)]
    context: ContextFlag,

    #[command(flatten)]
    sampling: SamplingFlags,
}

/// What it means.
pub(super) struct Generate {
    loaded: Loaded,
    tokenizer: Arc<Tokenizer>,
    engine: Engine,
    request: Request,
    echo: bool,
    json: bool,
    timings: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Generate, CliError> {
        let sampler = self.sampling.resolve()?;
        let grammar = self.form.resolve()?;
        let given = self.ids.given()?;
        // Standard input is read while nothing is in memory yet.
        let text = if given.is_none() { self.text.as_prompt()? } else { String::new() };
        let loaded = self.model.load()?;
        let tokenizer = Arc::new(loaded.tokenizer()?);
        let prompt = given.unwrap_or_else(|| self.ids.encode(&text, &tokenizer));
        let adapter = self.lora.map(|path| LoraAdapter::load(path, &loaded.model));
        let request = Request {
            sampler,
            grammar,
            adapter: adapter.transpose()?.map(Arc::new),
            max_tokens: self.predict,
            stop: self.stop,
            ignore_eog: self.ignore_eos,
            top_logprobs: self.top,
            ..Request::new(prompt)
        };
        let echo = self.echo || std::io::stdout().is_terminal();
        let engine = loaded.engine(&tokenizer, &self.context, &self.speculation)?;
        let (json, timings) = (self.json, self.timings);
        Ok(Generate { loaded, tokenizer, engine, request, echo, json, timings })
    }
}

impl Generate {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Generate { loaded, tokenizer, mut engine, request, json, .. } = self;
        let (prompt, limit) = (request.prompt.clone(), request.max_tokens);
        let seed = request.sampler.seed;
        let context = engine.options().context;
        if self.echo && !json {
            write!(out, "{}", tokenizer.decode(&prompt))?;
            out.flush()?;
        }
        let show = |text: &str| -> Result<(), CliError> {
            if !json && !text.is_empty() {
                write!(out, "{text}")?;
                out.flush()?;
            }
            Ok(())
        };
        let made = continuation::run(&mut engine, request, None, show)
            .map_err(|error| advise(error, loaded.model.context()).in_model(&loaded.name))?;
        if json {
            let mut json = made.to_json(&tokenizer);
            json["model"] = json!(loaded.name);
            json["prompt_text"] = json!(tokenizer.decode_with_special(&prompt));
            json["prompt_ids"] = json!(prompt);
            json["seed"] = json!(seed);
            json["timings"] = made.timings(loaded.time);
            writeln!(out, "{json}")?;
        } else if !made.text.ends_with('\n') {
            writeln!(out)?;
        }
        if made.reason == FinishReason::Length && made.usage.generated < limit {
            eprintln!("ulp: the context of {context} tokens is full");
        }
        if self.timings {
            eprintln!("{}", made.timings_line(loaded.time));
        }
        Ok(())
    }
}

/// Says what to do about a prompt that the engine refuses.
fn advise(error: CliError, longest: usize) -> CliError {
    let advice = match &error {
        CliError::Infer(InferError::EmptyPrompt) => {
            "this model begins no text by itself, give it one with -p".to_string()
        }
        CliError::Infer(InferError::ContextFull { .. }) => {
            format!("shorten the prompt, or raise -c (the model was made for {longest})")
        }
        _ => return error,
    };
    error.advised(advice)
}
