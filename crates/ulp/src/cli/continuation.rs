//! One request, from its prompt to its last token, on an engine that has no other.

use super::interrupt::Interrupt;
use super::progress;
use crate::error::CliError;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use ulp_infer::{
    Engine, Event, FinishReason, Request, TokenEvent, TokenLogProbability, Tokenizer, Usage,
};

/// What came of a request.
pub(super) struct Continuation {
    pub(super) tokens: Vec<TokenEvent>,
    pub(super) text: String,
    pub(super) reason: FinishReason,
    pub(super) usage: Usage,
    /// The time up to the first token.
    prompt_time: Duration,
    /// The time of the others.
    predict_time: Duration,
}

/// Runs a request; `show` gets the text as it is made. An interrupt ends it where it is.
pub(super) fn run(
    engine: &mut Engine,
    request: Request,
    interrupt: Option<&Interrupt>,
    mut show: impl FnMut(&str) -> Result<(), CliError>,
) -> Result<Continuation, CliError> {
    let start = Instant::now();
    let bar = progress::bar(request.prompt.len() as u64, "reading the prompt");
    let id = engine.submit(request)?;
    let (mut tokens, mut text, mut first) = (Vec::new(), String::new(), None);
    loop {
        if interrupt.is_some_and(Interrupt::is_pressed) {
            engine.cancel(id);
        }
        for event in engine.step()? {
            bar.finish_and_clear();
            first = first.or_else(|| Some(start.elapsed()));
            match event {
                Event::Prompt(_) => {}
                Event::Token(token) => {
                    show(&token.text)?;
                    text.push_str(&token.text);
                    tokens.push(token);
                }
                Event::Finished(end) => {
                    show(&end.text)?;
                    text.push_str(&end.text);
                    let prompt_time = first.unwrap_or_default();
                    let predict_time = start.elapsed() - prompt_time;
                    let (reason, usage) = (end.reason, end.usage);
                    return Ok(Continuation {
                        tokens,
                        text,
                        reason,
                        usage,
                        prompt_time,
                        predict_time,
                    });
                }
                Event::Failed { error, .. } => return Err(error.into()),
            }
        }
        if first.is_none() {
            bar.inc(engine.options().step_tokens as u64);
        }
    }
}

impl Continuation {
    /// What `--json` says of it, beside what the subcommand knows.
    pub(super) fn to_json(&self, tokenizer: &Tokenizer) -> Json {
        let ids: Vec<u32> = self.tokens.iter().map(|token| token.id).collect();
        let logprobs: Vec<f32> = self.tokens.iter().map(|token| token.logprob).collect();
        let tokens: Vec<Json> = self
            .tokens
            .iter()
            .map(|token| {
                let mut json = token_json(Some(tokenizer), token.id, Some(token.logprob));
                json["top"] = alternatives_json(Some(tokenizer), &token.top);
                json
            })
            .collect();
        json!({
            "text": self.text,
            "ids": ids,
            "logprobs": logprobs,
            "tokens": tokens,
            "finish_reason": reason_name(self.reason),
        })
    }

    /// Tokens and times, in seconds.
    pub(super) fn timings(&self, load: Duration) -> Json {
        let (computed, predicted) = self.counts();
        json!({
            "load_seconds": load.as_secs_f64(),
            "prompt_tokens": self.usage.prompt,
            "prompt_tokens_reused": self.usage.reused,
            "prompt_seconds": self.prompt_time.as_secs_f64(),
            "prompt_tokens_per_second": rate(computed, self.prompt_time),
            "predicted_tokens": self.usage.generated,
            "predict_seconds": self.predict_time.as_secs_f64(),
            "predict_tokens_per_second": rate(predicted, self.predict_time),
        })
    }

    /// The same as a line for people.
    pub(super) fn timings_line(&self, load: Duration) -> String {
        let (computed, predicted) = self.counts();
        let rate = |n, time| rate(n, time).map_or(String::new(), |rate| format!(", {rate:.1}/s"));
        format!(
            "loaded in {:.2} s; prompt {} tokens ({} from the cache) in {:.2} s{}; \
             {} new tokens, after the first {:.2} s{}",
            load.as_secs_f64(),
            self.usage.prompt,
            self.usage.reused,
            self.prompt_time.as_secs_f64(),
            rate(computed, self.prompt_time),
            self.usage.generated,
            self.predict_time.as_secs_f64(),
            rate(predicted, self.predict_time),
        )
    }

    /// Tokens computed in the time up to the first token, and in that after it.
    fn counts(&self) -> (usize, usize) {
        let computed = self.usage.prompt - self.usage.reused;
        (computed, self.usage.generated.saturating_sub(1))
    }
}

/// Tokens a second, where there is anything to divide.
fn rate(tokens: usize, time: Duration) -> Option<f64> {
    let seconds = time.as_secs_f64();
    (tokens > 0 && seconds > 0.0).then(|| tokens as f64 / seconds)
}

/// A token, its text and its log-probability. The text needs a tokenizer.
pub(super) fn token_json(tokenizer: Option<&Tokenizer>, id: u32, logprob: Option<f32>) -> Json {
    let piece = tokenizer.and_then(|tokenizer| tokenizer.token_text(id));
    json!({ "id": id, "piece": piece, "logprob": logprob })
}

/// Tokens that stand to choice, best first.
pub(super) fn alternatives_json(
    tokenizer: Option<&Tokenizer>,
    top: &[TokenLogProbability],
) -> Json {
    top.iter().map(|token| token_json(tokenizer, token.id, Some(token.logprob))).collect()
}

fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::EndOfGeneration => "eos",
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Cancelled => "cancelled",
    }
}
