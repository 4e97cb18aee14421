//! The API's `text_completion`.

use serde_json::{Map, Value, json};

use crate::api::answer::{Addition, Counts, Format, Frame, LoggedToken};
use crate::api::chat_completions::{FINGERPRINT, finite};
use crate::random::random_name;
use crate::served_model::unix_seconds;

pub(super) struct CompletionFormat {
    id: String,
    created: u64,
    model: String,
    with_log: bool,
    include_usage: bool,
    /// What stands before the answers to each prompt.
    echo: Vec<String>,
    /// Answers to each prompt.
    n: usize,
    /// Characters of each answer that are out.
    lengths: Vec<usize>,
}

impl CompletionFormat {
    pub(super) fn new(
        model: &str,
        with_log: bool,
        include_usage: bool,
        echo: Vec<String>,
        n: usize,
    ) -> Self {
        CompletionFormat {
            id: random_name("cmpl-"),
            created: unix_seconds(),
            model: model.to_string(),
            with_log,
            include_usage,
            lengths: vec![0; echo.len() * n],
            echo,
            n,
        }
    }

    fn object(&self, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        })
    }

    fn chunk(&self, choices: Value, usage: Option<Counts>) -> Frame {
        let mut data = self.object(choices);
        if self.include_usage {
            data["usage"] = usage.map_or(Value::Null, Counts::to_json);
        }
        Frame::data(data)
    }

    fn choice(&mut self, index: usize, text: &str, tokens: &[LoggedToken], end: Value) -> Value {
        let logprobs = match self.with_log {
            true => logprobs(tokens, self.lengths[index]),
            false => Value::Null,
        };
        self.lengths[index] += tokens.iter().map(|t| t.text().chars().count()).sum::<usize>();
        json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": end})
    }
}

/// The lists of tokens, log-probabilities, rivals and places; `offset` characters came before.
fn logprobs(tokens: &[LoggedToken], mut offset: usize) -> Value {
    let mut offsets = Vec::with_capacity(tokens.len());
    for token in tokens {
        offsets.push(offset);
        offset += token.text().chars().count();
    }
    let rivals = |token: &LoggedToken| {
        let Some(logprob) = token.logprob else { return Value::Null };
        let mut map = Map::new();
        for (_, bytes, logprob) in &token.top {
            // Two halves of characters may look alike; the better one stays.
            let text = String::from_utf8_lossy(bytes).into_owned();
            map.entry(text).or_insert(json!(finite(*logprob)));
        }
        map.entry(token.text()).or_insert(json!(finite(logprob)));
        Value::Object(map)
    };
    json!({
        "tokens": tokens.iter().map(LoggedToken::text).collect::<Vec<_>>(),
        "token_logprobs": tokens.iter().map(|t| t.logprob.map(finite)).collect::<Vec<_>>(),
        "top_logprobs": tokens.iter().map(rivals).collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}

impl Format for CompletionFormat {
    const ENDS_WITH_DONE: bool = true;

    fn opening(&mut self, answers: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        for index in 0..answers {
            let echo = std::mem::take(&mut self.echo[index / self.n]);
            if !echo.is_empty() {
                let choice = self.choice(index, &echo, &[], Value::Null);
                frames.push(self.chunk(json!([choice]), None));
            }
            if index % self.n + 1 < self.n {
                self.echo[index / self.n] = echo;
            }
        }
        frames
    }

    fn addition(&mut self, index: usize, addition: Addition) -> Vec<Frame> {
        let end = addition.end.map_or(Value::Null, |end| json!(end.reason));
        if addition.text.is_empty() && addition.tokens.is_empty() && end.is_null() {
            return Vec::new();
        }
        let choice = self.choice(index, &addition.text, &addition.tokens, end);
        vec![self.chunk(json!([choice]), None)]
    }

    fn closing(&mut self, total: Counts) -> Vec<Frame> {
        match self.include_usage {
            true => vec![self.chunk(json!([]), Some(total))],
            false => Vec::new(),
        }
    }

    fn whole(&mut self, answers: Vec<Addition>, total: Counts) -> Value {
        let mut choices = Vec::with_capacity(answers.len());
        for (index, answer) in answers.into_iter().enumerate() {
            let text = self.echo[index / self.n].clone() + &answer.text;
            let end = json!(answer.end.map(|end| end.reason));
            choices.push(self.choice(index, &text, &answer.tokens, end));
        }
        let mut object = self.object(Value::Array(choices));
        object["usage"] = total.to_json();
        object
    }
}
