//! The forms of an input, and the messages that it makes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::schema::{Parameter, Schema, TEXT};

const ANYTHING: Schema = Schema::List { item: &Schema::AnyObject, min: 0, max: usize::MAX };
const TEXT_PART: &[Parameter] = &[Parameter::required("text", TEXT, "")];
/// A part as an answer has it; what it says beside its text is not for the model.
const ANSWER_PART: &[Parameter] = &[
    Parameter::required("text", TEXT, ""),
    Parameter::optional("annotations", ANYTHING, ""),
    Parameter::optional("logprobs", ANYTHING, ""),
];
const PART: Schema = Schema::Tagged {
    tag: "type",
    variants: &[("input_text", TEXT_PART), ("output_text", ANSWER_PART)],
};
const CONTENT: Schema = Schema::Either(&[TEXT, Schema::List { item: &PART, min: 1, max: 1024 }]);
const ITEM: &[Parameter] = &[
    Parameter::required("content", CONTENT, "A text, or parts of one"),
    Parameter::optional("type", Schema::Choice(&["message"]), ""),
    Parameter::optional("id", TEXT, "As an answer has it; it has no effect here"),
    Parameter::optional("status", TEXT, "As an answer has it; it has no effect here"),
];
const MESSAGE: Schema = Schema::Tagged {
    tag: "role",
    variants: &[("system", ITEM), ("developer", ITEM), ("user", ITEM), ("assistant", ITEM)],
};

/// A text, or a conversation.
pub(super) const INPUT: Schema =
    Schema::Either(&[TEXT, Schema::List { item: &MESSAGE, min: 1, max: usize::MAX }]);

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Input {
    Text(String),
    Messages(Vec<Value>),
}

impl Input {
    /// The input, with an empty one left behind.
    pub(super) fn take(&mut self) -> Input {
        std::mem::replace(self, Input::Messages(Vec::new()))
    }
}

/// The messages as a chat has them.
pub(super) fn messages(instructions: Option<&str>, input: Input) -> Vec<Value> {
    let mut messages = Vec::new();
    messages.extend(instructions.map(|text| json!({"role": "system", "content": text})));
    match input {
        Input::Text(text) => messages.push(json!({"role": "user", "content": text})),
        Input::Messages(list) => messages.extend(list.iter().map(message)),
    }
    messages
}

fn message(item: &Value) -> Value {
    let content = match &item["content"] {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        text => text.as_str().unwrap_or_default().to_string(),
    };
    json!({"role": item["role"], "content": content})
}
