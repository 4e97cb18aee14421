//! `ulp chat`: holds a conversation.

mod conversation;
pub(super) mod template;
mod turns;

use super::continuation;
use super::flags::{
    ContextFlag, Loaded, ModelFlags, SamplingFlags, SpeculationFlags, TextFlags, parse_count,
};
use super::interrupt::Interrupt;
use crate::error::CliError;
use clap::Args;
use conversation::Conversation;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use turns::{Turn, Turns};
use ulp_infer::{Engine, FinishReason, InferError, Request, SamplerParams, Tokenizer};

const EXAMPLES: &str = "\
Examples:
  ulp chat
  ulp chat -m model.gguf -sys \"You answer in one sentence.\"
  ulp chat -m model.gguf -p \"What is gravity?\" --temp 0
  printf 'My name is Ada.\\nWhat is my name?\\n' | ulp chat -m model.gguf

On a terminal Ctrl-C stops an answer, a second one leaves. /clear forgets the conversation, /exit
leaves, and a line that ends in \\ goes on in the next. Of other input each line is a turn. With -p
or -f there is one question and one answer.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    #[command(flatten)]
    text: TextFlags,

    /// What the model is told before the conversation (also -sys)
    #[arg(long, visible_alias = "system-prompt", value_name = "TEXT", allow_hyphen_values = true)]
    system: Option<String>,

    /// A file with a Jinja template to use instead of the model's own
    #[arg(long, value_name = "FILE")]
    chat_template: Option<PathBuf>,

    /// Tokens of an answer at most; -1 is up to the end of the context
    #[arg(short = 'n', long, alias = "n-predict", value_name = "N", default_value = "1024")]
    #[arg(allow_negative_numbers = true, value_parser = parse_count)]
    predict: usize,

    /// End an answer where it would hold this; may be given more than once
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    stop: Vec<String>,

    /// Print a JSON line for each answer: text, ids, log-probability of each token, timings
    #[arg(long)]
    json: bool,

    /// With --json: the K most probable tokens at each place
    #[arg(long, value_name = "K", default_value_t = 0, requires = "json")]
    top: usize,

    /// Say on standard error how long each answer took
    #[arg(long)]
    timings: bool,

    #[command(flatten)]
    model: ModelFlags,

    #[command(flatten)]
    context: ContextFlag,

    #[command(flatten)]
    sampling: SamplingFlags,

    #[command(flatten)]
    speculation: SpeculationFlags,
}

/// What it means.
pub(super) struct Chat {
    loaded: Loaded,
    tokenizer: Arc<Tokenizer>,
    engine: Engine,
    conversation: Conversation,
    /// The only question, where the flags ask it.
    question: Option<String>,
    sampler: SamplerParams,
    max_tokens: usize,
    stop: Vec<String>,
    top: usize,
    json: bool,
    timings: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Chat, CliError> {
        let sampler = self.sampling.resolve()?;
        let question = self.text.given()?;
        let loaded = self.model.load()?;
        let template = template::find(self.chat_template.as_deref(), &loaded)?;
        let tokenizer = Arc::new(loaded.tokenizer()?);
        let conversation = Conversation::new(template, Arc::clone(&tokenizer), self.system);
        Ok(Chat {
            engine: loaded.engine(&tokenizer, &self.context, &self.speculation)?,
            loaded,
            tokenizer,
            conversation,
            question,
            sampler,
            max_tokens: self.predict,
            stop: self.stop,
            top: self.top,
            json: self.json,
            timings: self.timings,
        })
    }
}

impl Chat {
    pub(super) fn run(mut self, out: &mut impl Write) -> Result<(), CliError> {
        if let Some(question) = self.question.take() {
            return self.answer(question, None, out);
        }
        let mut turns = Turns::of_standard_input();
        let interrupt = turns.is_terminal().then(|| Interrupt::install(0));
        if turns.is_terminal() {
            let name = &self.loaded.name;
            eprintln!("{name}: /clear forgets, /exit leaves, Ctrl-C stops an answer");
        }
        loop {
            match turns.next()? {
                Turn::Say(text) => self.answer(text, interrupt.as_ref(), out)?,
                Turn::Clear => self.conversation.clear(),
                Turn::Leave => return Ok(()),
            }
        }
    }

    fn answer(
        &mut self,
        question: String,
        interrupt: Option<&Interrupt>,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        self.conversation.ask(question);
        let request = self.request()?;
        let prompt = request.prompt.clone();
        let json = self.json;
        let show = |text: &str| -> Result<(), CliError> {
            if !json && !text.is_empty() {
                write!(out, "{text}")?;
                out.flush()?;
            }
            Ok(())
        };
        interrupt.inspect(|interrupt| interrupt.watch());
        let made = continuation::run(&mut self.engine, request, interrupt, show);
        interrupt.inspect(|interrupt| interrupt.unwatch());
        let made = made.map_err(|error| self.advise(error))?;
        if json {
            let mut json = made.to_json(&self.tokenizer);
            json["model"] = json!(self.loaded.name);
            json["prompt_text"] = json!(self.tokenizer.decode_with_special(&prompt));
            json["prompt_ids"] = json!(prompt);
            json["seed"] = json!(self.sampler.seed);
            json["timings"] = made.timings(self.loaded.time);
            writeln!(out, "{json}")?;
        } else {
            writeln!(out)?;
        }
        out.flush()?;
        if made.reason == FinishReason::Length {
            eprintln!("ulp: cut at {} tokens", made.usage.generated);
        }
        if self.timings {
            eprintln!("{}", made.timings_line(self.loaded.time));
        }
        self.conversation.answer(made.text);
        Ok(())
    }

    fn request(&mut self) -> Result<Request, CliError> {
        let context = self.engine.options().context;
        // An answer should not be cut for want of room, but a long limit is no long answer.
        let room = self.max_tokens.min(context / 4).max(1);
        let prompt = self.conversation.prompt(context, room)?;
        if prompt.forgotten > 0 {
            eprintln!(
                "ulp: the context of {context} tokens is full, the oldest turns are forgotten"
            );
        }
        Ok(Request {
            sampler: self.sampler.clone(),
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            top_logprobs: self.top,
            ..Request::new(prompt.ids)
        })
    }

    fn advise(&self, error: CliError) -> CliError {
        match &error {
            CliError::Infer(InferError::ContextFull { .. }) => {
                let longest = self.loaded.model.context();
                let advice = format!(
                    "say it in fewer words, or raise -c (the model was made for {longest})"
                );
                error.advised(advice)
            }
            _ => error,
        }
    }
}
