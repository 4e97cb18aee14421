//! The forms of an input, and the messages that it makes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::schema::{Parameter, Schema, TEXT, WORD};

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
const ID: Parameter = Parameter::optional("id", TEXT, "As an answer has it; it has no effect here");
const STATUS: Parameter =
    Parameter::optional("status", TEXT, "As an answer has it; it has no effect here");
const ITEM: &[Parameter] = &[
    Parameter::required("content", CONTENT, "A text, or parts of one"),
    Parameter::optional("type", Schema::Choice(&["message"]), ""),
    ID,
    STATUS,
];
const MESSAGE: Schema = Schema::Tagged {
    tag: "role",
    variants: &[("system", ITEM), ("developer", ITEM), ("user", ITEM), ("assistant", ITEM)],
};

/// Calls of tools, as an answer has them, and what they gave.
const CALL: Schema = Schema::Tagged {
    tag: "type",
    variants: &[
        (
            "function_call",
            &[
                Parameter::required("call_id", TEXT, ""),
                Parameter::required("name", WORD, ""),
                Parameter::required("arguments", TEXT, "As JSON text"),
                ID,
                STATUS,
            ],
        ),
        (
            "function_call_output",
            &[
                Parameter::required("call_id", TEXT, "Which call this is of"),
                Parameter::required("output", CONTENT, "A text, or parts of one"),
                ID,
                STATUS,
            ],
        ),
    ],
};

/// A text, or a conversation.
pub(super) const INPUT: Schema = Schema::Either(&[
    TEXT,
    Schema::List { item: &Schema::Either(&[MESSAGE, CALL]), min: 1, max: usize::MAX },
]);

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

/// The messages of items as a chat has them.
pub(super) fn messages(instructions: Option<&str>, items: &[Value]) -> Vec<Value> {
    let mut messages = Vec::new();
    messages.extend(instructions.map(|text| json!({"role": "system", "content": text})));
    items.iter().for_each(|item| add(item, &mut messages));
    messages
}

fn add(item: &Value, messages: &mut Vec<Value>) {
    match item["type"].as_str() {
        Some("function_call") => add_call(item, messages),
        Some("function_call_output") => messages.push(json!({
            "role": "tool",
            "tool_call_id": item["call_id"],
            "content": text(&item["output"]),
        })),
        _ => messages.push(json!({"role": item["role"], "content": text(&item["content"])})),
    }
}

/// A call belongs to the message of the assistant in which it was made, here items of their own.
fn add_call(item: &Value, messages: &mut Vec<Value>) {
    if messages.last().is_none_or(|last| last["role"] != "assistant") {
        messages.push(json!({"role": "assistant", "content": ""}));
    }
    let call = json!({
        "id": item["call_id"],
        "type": "function",
        "function": {"name": item["name"], "arguments": item["arguments"]},
    });
    let Some(message) = messages.last_mut() else { return };
    match message["tool_calls"].as_array_mut() {
        Some(calls) => calls.push(call),
        None => message["tool_calls"] = json!([call]),
    }
}

/// A text, or the texts of parts.
fn text(content: &Value) -> String {
    match content {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        text => text.as_str().unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_belong_to_the_message_that_made_them() {
        let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
        let output = |id: &str, output: Value| json!({"type": "function_call_output", "call_id": id, "output": output});
        let items = [
            json!({"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}),
            call("a"),
            call("b"),
            output("a", json!("1")),
            output("b", json!([{"type": "input_text", "text": "2"}])),
            json!({"role": "assistant", "content": "So"}),
            call("c"),
        ];
        let made = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let expected = json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "", "tool_calls": [made("a"), made("b")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "assistant", "content": "So", "tool_calls": [made("c")]},
        ]);
        assert_eq!(json!(messages(Some("Be brief."), &items)), expected);
    }
}
