//! The API's `chat.completion` and `chat.completion.chunk`.

use serde_json::{Value, json};

use crate::api::answer::{Addition, Counts, Format, Frame, LoggedToken};
use crate::api::tools::{Splitter, ToolCall};
use crate::random::random_name;
use crate::served_model::unix_seconds;

pub(super) struct ChatFormat {
    id: String,
    created: u64,
    model: String,
    /// Whether the answers have log-probabilities.
    with_log: bool,
    /// Whether a stream ends with a count of tokens.
    include_usage: bool,
    /// Of each answer, what tells its calls from text; none without tools.
    splitters: Vec<Splitter>,
}

impl ChatFormat {
    pub(super) fn new(
        model: &str,
        with_log: bool,
        include_usage: bool,
        with_tools: bool,
        n: usize,
    ) -> Self {
        ChatFormat {
            id: random_name("chatcmpl-"),
            created: unix_seconds(),
            model: model.to_string(),
            with_log,
            include_usage,
            splitters: (0..n).filter(|_| with_tools).map(|_| Splitter::default()).collect(),
        }
    }

    /// Takes calls out of an answer's text.
    fn split(&mut self, index: usize, addition: &mut Addition) -> Vec<Value> {
        let Some(splitter) = self.splitters.get_mut(index) else { return Vec::new() };
        let calls = splitter.split(addition);
        // Calls that were cut are text; these are whole.
        if let (Some(end), false) = (&mut addition.end, calls.is_empty()) {
            end.reason = "tool_calls";
        }
        calls.iter().map(ToolCall::to_json).collect()
    }

    fn chunk(&self, choices: Value, usage: Option<Counts>) -> Frame {
        let mut data = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        });
        if self.include_usage {
            data["usage"] = usage.map_or(Value::Null, Counts::to_json);
        }
        Frame::data(data)
    }

    fn choice_chunk(&self, index: usize, delta: Value, logprobs: Value, end: Value) -> Frame {
        let choice =
            json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": end});
        self.chunk(json!([choice]), None)
    }

    fn logprobs(&self, tokens: &[LoggedToken]) -> Value {
        match self.with_log {
            true => {
                json!({"content": tokens.iter().map(token_entry).collect::<Vec<_>>(), "refusal": null})
            }
            false => Value::Null,
        }
    }
}

/// The same program gives the same answer to the same request and seed.
pub(crate) const FINGERPRINT: &str = concat!("ulp-", env!("CARGO_PKG_VERSION"));

/// A token's entry among the log-probabilities.
pub(crate) fn token_entry(token: &LoggedToken) -> Value {
    let rival = |(_, bytes, logprob): &(u32, Vec<u8>, f32)| json!({"token": String::from_utf8_lossy(bytes), "logprob": finite(*logprob), "bytes": bytes});
    json!({
        "token": token.text(),
        "logprob": token.logprob.map(finite),
        "bytes": token.bytes,
        "top_logprobs": token.top.iter().map(rival).collect::<Vec<_>>(),
    })
}

/// JSON has no infinity; the API writes −9999 for what cannot come.
pub(crate) fn finite(logprob: f32) -> f32 {
    logprob.max(-9999.0)
}

impl Format for ChatFormat {
    const ENDS_WITH_DONE: bool = true;

    fn opening(&mut self, answers: usize) -> Vec<Frame> {
        let delta = json!({"role": "assistant", "content": "", "refusal": null});
        (0..answers)
            .map(|i| self.choice_chunk(i, delta.clone(), Value::Null, Value::Null))
            .collect()
    }

    fn addition(&mut self, index: usize, mut addition: Addition) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut calls = self.split(index, &mut addition);
        for (i, call) in calls.iter_mut().enumerate() {
            call["index"] = json!(i);
        }
        if !addition.text.is_empty() || !addition.tokens.is_empty() {
            let logprobs = self.logprobs(&addition.tokens);
            let delta = json!({"content": addition.text});
            frames.push(self.choice_chunk(index, delta, logprobs, Value::Null));
        }
        if !calls.is_empty() {
            let delta = json!({"tool_calls": calls});
            frames.push(self.choice_chunk(index, delta, Value::Null, Value::Null));
        }
        if let Some(end) = addition.end {
            frames.push(self.choice_chunk(index, json!({}), Value::Null, json!(end.reason)));
        }
        frames
    }

    fn closing(&mut self, total: Counts) -> Vec<Frame> {
        match self.include_usage {
            true => vec![self.chunk(json!([]), Some(total))],
            false => Vec::new(),
        }
    }

    fn whole(&mut self, answers: Vec<Addition>, total: Counts) -> Value {
        let mut choices = Vec::with_capacity(answers.len());
        for (index, mut answer) in answers.into_iter().enumerate() {
            let calls = self.split(index, &mut answer);
            let mut message = json!({"role": "assistant", "content": answer.text, "refusal": null});
            if !calls.is_empty() {
                message["content"] = Value::Null;
                message["tool_calls"] = json!(calls);
            }
            choices.push(json!({
                "index": index,
                "message": message,
                "logprobs": self.logprobs(&answer.tokens),
                "finish_reason": answer.end.map(|end| end.reason),
            }));
        }
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
            "usage": total.to_json(),
        })
    }
}
