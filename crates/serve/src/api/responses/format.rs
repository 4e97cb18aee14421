//! The API's `response`, and the events of its stream.

use serde_json::{Value, json};

use super::parameters::ResponseBody;
use crate::api::answer::{Addition, Counts, Ending, Format, Frame, LoggedToken};
use crate::api::chat_completions::token_entry;
use crate::random::random_name;
use crate::served_model::unix_seconds;

pub(super) struct ResponseFormat {
    /// The response without its output, status and usage.
    base: Value,
    /// Of the one message of the output.
    message_id: String,
    text: String,
    logprobs: Vec<Value>,
    end: Option<Ending>,
    /// Of the next event.
    sequence: u64,
}

impl ResponseFormat {
    pub(super) fn new(model: &str, body: &ResponseBody) -> Self {
        let base = json!({
            "id": random_name("resp_"),
            "object": "response",
            "created_at": unix_seconds(),
            "model": model,
            "background": false,
            "error": null,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": body.metadata,
            "parallel_tool_calls": false,
            "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null},
            "service_tier": "default",
            "store": false,
            "temperature": body.sampling.temperature(),
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_logprobs": body.top_logprobs.unwrap_or(0),
            "top_p": body.sampling.top_p(),
            "truncation": "disabled",
            "user": body.user,
        });
        ResponseFormat {
            base,
            message_id: random_name("msg_"),
            text: String::new(),
            logprobs: Vec::new(),
            end: None,
            sequence: 0,
        }
    }

    /// An event with a name, its place in the stream, and more fields.
    fn event(&mut self, name: &'static str, mut data: Value) -> Frame {
        data["type"] = json!(name);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        Frame { event: Some(name), data }
    }

    /// An event about the text.
    fn text_event(&mut self, name: &'static str, mut data: Value) -> Frame {
        data["item_id"] = json!(self.message_id);
        data["output_index"] = json!(0);
        data["content_index"] = json!(0);
        self.event(name, data)
    }

    fn response(&self, status: &str, output: Value, usage: Option<Counts>) -> Value {
        let mut response = self.base.clone();
        response["status"] = json!(status);
        response["output"] = output;
        response["incomplete_details"] = match status {
            "incomplete" => json!({"reason": "max_output_tokens"}),
            _ => Value::Null,
        };
        response["usage"] = usage.map_or(Value::Null, |counts| {
            json!({
                "input_tokens": counts.prompt,
                "input_tokens_details": {"cached_tokens": counts.reused},
                "output_tokens": counts.generated,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": counts.prompt + counts.generated,
            })
        });
        response
    }

    /// `completed`, or `incomplete` where the limit of tokens cut the answer.
    fn status(&self) -> &'static str {
        match self.end {
            Some(Ending { reason: "length", .. }) => "incomplete",
            _ => "completed",
        }
    }

    fn part(&self) -> Value {
        json!({
            "type": "output_text",
            "text": self.text,
            "annotations": [],
            "logprobs": self.logprobs,
        })
    }

    fn message(&self, status: &str, content: Value) -> Value {
        json!({
            "type": "message",
            "id": self.message_id,
            "status": status,
            "role": "assistant",
            "content": content,
        })
    }

    fn grow(&mut self, text: &str, tokens: &[LoggedToken], end: Option<Ending>) -> Vec<Value> {
        self.text.push_str(text);
        let entries: Vec<Value> = tokens.iter().map(token_entry).collect();
        self.logprobs.extend(entries.iter().cloned());
        self.end = end.or(self.end);
        entries
    }
}

impl Format for ResponseFormat {
    const ENDS_WITH_DONE: bool = false;

    fn opening(&mut self, _answers: usize) -> Vec<Frame> {
        let response = self.response("in_progress", json!([]), None);
        let item = self.message("in_progress", json!([]));
        let part = self.part();
        vec![
            self.event("response.created", json!({"response": response})),
            self.event("response.in_progress", json!({"response": response})),
            self.event("response.output_item.added", json!({"output_index": 0, "item": item})),
            self.text_event("response.content_part.added", json!({"part": part})),
        ]
    }

    fn addition(&mut self, _index: usize, addition: Addition) -> Vec<Frame> {
        let entries = self.grow(&addition.text, &addition.tokens, addition.end);
        if addition.text.is_empty() && entries.is_empty() {
            return Vec::new();
        }
        let data = json!({"delta": addition.text, "logprobs": entries});
        vec![self.text_event("response.output_text.delta", data)]
    }

    fn closing(&mut self, total: Counts) -> Vec<Frame> {
        let status = self.status();
        let (part, text, logprobs) = (self.part(), self.text.clone(), self.logprobs.clone());
        let item = self.message(status, json!([part]));
        let response = self.response(status, json!([item]), Some(total));
        let last = match status {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        vec![
            self.text_event(
                "response.output_text.done",
                json!({"text": text, "logprobs": logprobs}),
            ),
            self.text_event("response.content_part.done", json!({"part": part})),
            self.event("response.output_item.done", json!({"output_index": 0, "item": item})),
            self.event(last, json!({"response": response})),
        ]
    }

    fn failure(&mut self, error: Value) -> Frame {
        let error = &error["error"];
        let data = json!({
            "code": error["code"],
            "message": error["message"],
            "param": error["param"],
        });
        self.event("error", data)
    }

    fn whole(&mut self, answers: Vec<Addition>, total: Counts) -> Value {
        for answer in answers {
            self.grow(&answer.text, &answer.tokens, answer.end);
        }
        let status = self.status();
        let message = self.message(status, json!([self.part()]));
        self.response(status, json!([message]), Some(total))
    }
}
