//! The API's `response`, and the events of its stream.

use serde_json::{Value, json};

use super::parameters::ResponseBody;
use super::store::Draft;
use super::tools::told;
use crate::api::answer::{Addition, Counts, Ending, Format, Frame};
use crate::api::chat_completions::token_entry;
use crate::api::tools::{Splitter, ToolCall};
use crate::random::random_name;
use crate::served_model::unix_seconds;

pub(super) struct ResponseFormat {
    /// The response without its output, status and usage.
    base: Value,
    /// Of the one message of the output, if that is no calls.
    message_id: String,
    /// Tells calls from text; none without tools.
    splitter: Option<Splitter>,
    /// A stream has said that there is a message.
    is_opened: bool,
    text: String,
    logprobs: Vec<Value>,
    /// Of those, how many a stream has sent.
    sent: usize,
    /// Items of the output in the message's place.
    calls: Vec<Value>,
    end: Option<Ending>,
    /// Of the next event.
    sequence: u64,
    /// How the response is kept, if it is to be.
    draft: Option<Draft>,
}

impl ResponseFormat {
    pub(super) fn new(
        model: &str,
        body: &ResponseBody,
        with_tools: bool,
        draft: Option<Draft>,
    ) -> Self {
        let base = json!({
            "id": random_name("resp_"),
            "object": "response",
            "created_at": unix_seconds(),
            "model": model,
            "background": false,
            "error": null,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "max_tool_calls": null,
            "metadata": body.metadata,
            "parallel_tool_calls": body.parallel_tool_calls.unwrap_or(true),
            "previous_response_id": body.previous_response_id,
            "prompt_cache_key": body.prompt_cache_key,
            "reasoning": {"effort": null, "summary": null},
            "safety_identifier": body.safety_identifier,
            "service_tier": "default",
            "store": draft.is_some(),
            "temperature": as_written(body.sampling.temperature()),
            "text": {"format": body.text.format.whole},
            "tool_choice": body.tool_choice.clone().unwrap_or_else(|| json!("auto")),
            "tools": told(&body.tools),
            "top_logprobs": body.top_logprobs.unwrap_or(0),
            "top_p": as_written(body.sampling.top_p()),
            "truncation": "disabled",
            "user": body.user,
        });
        ResponseFormat {
            base,
            message_id: random_name("msg_"),
            splitter: with_tools.then(Splitter::default),
            is_opened: false,
            text: String::new(),
            logprobs: Vec::new(),
            sent: 0,
            calls: Vec::new(),
            end: None,
            sequence: 0,
            draft,
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
        response["completed_at"] = match status {
            "completed" => json!(unix_seconds()),
            _ => Value::Null,
        };
        response["output"] = output;
        response["incomplete_details"] = match status {
            "incomplete" => json!({"reason": "max_output_tokens"}),
            _ => Value::Null,
        };
        response["usage"] = usage.map_or(Value::Null, |counts| {
            json!({
                "input_tokens": counts.prompt,
                "input_tokens_details": {
                    "cached_tokens": counts.reused,
                    "cache_write_tokens": counts.prompt - counts.reused,
                },
                "output_tokens": counts.generated,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": counts.prompt + counts.generated,
            })
        });
        response
    }

    /// `completed`, or `incomplete` where the limit of tokens cut the answer. Calls that were cut are
    /// text; these are whole.
    fn status(&self) -> &'static str {
        match self.end {
            _ if !self.calls.is_empty() => "completed",
            Some(Ending { reason: "length", .. }) => "incomplete",
            _ => "completed",
        }
    }

    /// The response when all is said. It is kept before it is sent: whoever has it may go on from it.
    fn finish(&mut self, usage: Counts) -> Value {
        let mut response = self.response(self.status(), self.output(), Some(usage));
        if let (Some(draft), Some(id)) = (self.draft.take(), self.base["id"].as_str())
            && !draft.keep(id, &response)
        {
            response["store"] = json!(false);
        }
        response
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

    /// Takes more of the answer; gives the text that it adds.
    fn grow(&mut self, mut addition: Addition) -> String {
        if let Some(splitter) = &mut self.splitter {
            self.calls.extend(splitter.split(&mut addition).iter().map(ToolCall::to_item));
        }
        let Addition { text, tokens, end } = addition;
        self.text.push_str(&text);
        self.logprobs.extend(tokens.iter().map(token_entry));
        self.end = end.or(self.end);
        text
    }

    /// The items of a finished response.
    fn output(&self) -> Value {
        match self.calls.is_empty() {
            true => json!([self.message(self.status(), json!([self.part()]))]),
            false => json!(self.calls),
        }
    }

    /// What a stream says before a message's text.
    fn open_message(&mut self) -> Vec<Frame> {
        if std::mem::replace(&mut self.is_opened, true) {
            return Vec::new();
        }
        let item = self.message("in_progress", json!([]));
        let part = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
        vec![
            self.event("response.output_item.added", json!({"output_index": 0, "item": item})),
            self.text_event("response.content_part.added", json!({"part": part})),
        ]
    }

    /// What it says after that.
    fn close_message(&mut self) -> Vec<Frame> {
        let mut frames = self.open_message();
        let (part, text, logprobs) = (self.part(), self.text.clone(), self.logprobs.clone());
        let item = self.message(self.status(), json!([part]));
        frames.extend([
            self.text_event(
                "response.output_text.done",
                json!({"text": text, "logprobs": logprobs}),
            ),
            self.text_event("response.content_part.done", json!({"part": part})),
            self.event("response.output_item.done", json!({"output_index": 0, "item": item})),
        ]);
        frames
    }

    /// What it says of a call, which comes as a whole.
    fn show_call(&mut self, index: usize, item: &Value) -> [Frame; 4] {
        let mut begun = item.clone();
        begun["arguments"] = json!("");
        begun["status"] = json!("in_progress");
        let (id, arguments) = (&item["id"], &item["arguments"]);
        let place = |mut data: Value| {
            data["output_index"] = json!(index);
            data
        };
        let about = |data: Value| {
            let mut data = place(data);
            data["item_id"] = id.clone();
            data
        };
        [
            self.event("response.output_item.added", place(json!({"item": begun}))),
            self.event(
                "response.function_call_arguments.delta",
                about(json!({"delta": arguments})),
            ),
            self.event(
                "response.function_call_arguments.done",
                about(json!({"name": item["name"], "arguments": arguments})),
            ),
            self.event("response.output_item.done", place(json!({"item": item}))),
        ]
    }
}

/// The number that the client wrote: of those that are stored as this one the shortest.
fn as_written(x: f32) -> Option<f64> {
    x.to_string().parse().ok()
}

impl Format for ResponseFormat {
    const ENDS_WITH_DONE: bool = false;

    fn opening(&mut self, _answers: usize) -> Vec<Frame> {
        let response = self.response("in_progress", json!([]), None);
        vec![
            self.event("response.created", json!({"response": response})),
            self.event("response.in_progress", json!({"response": response})),
        ]
    }

    fn addition(&mut self, _index: usize, addition: Addition) -> Vec<Frame> {
        let text = self.grow(addition);
        let is_held = self.splitter.is_some() && self.text.is_empty();
        if is_held || (text.is_empty() && self.sent == self.logprobs.len()) {
            return Vec::new();
        }
        let mut frames = self.open_message();
        let data = json!({"delta": text, "logprobs": self.logprobs[self.sent..]});
        self.sent = self.logprobs.len();
        frames.push(self.text_event("response.output_text.delta", data));
        frames
    }

    fn closing(&mut self, total: Counts) -> Vec<Frame> {
        let calls = self.calls.clone();
        let mut frames = match calls.is_empty() {
            true => self.close_message(),
            false => {
                let shown = calls.iter().enumerate();
                shown.flat_map(|(index, item)| self.show_call(index, item)).collect()
            }
        };
        let status = self.status();
        let response = self.finish(total);
        let last = match status {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        frames.push(self.event(last, json!({"response": response})));
        frames
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
            self.grow(answer);
        }
        self.finish(total)
    }
}
