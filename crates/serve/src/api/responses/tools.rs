//! `tools` and `tool_choice` as this route has them: flat, where a chat nests a function's fields.

use serde_json::{Value, json};

use crate::api::schema::{Parameter, Schema, WORD};
use crate::api::tools::{FUNCTION, Tool};

const TOOL: Schema = Schema::Tagged { tag: "type", variants: &[("function", FUNCTION)] };

/// Functions that the model may call.
pub(super) const TOOLS: Schema = Schema::List { item: &TOOL, min: 0, max: 128 };

const NAMED: Schema = Schema::Tagged {
    tag: "type",
    variants: &[("function", &[Parameter::required("name", WORD, "")])],
};

/// Whether it must, may or must not.
pub(super) const TOOL_CHOICE: Schema =
    Schema::Either(&[Schema::Choice(&["none", "auto", "required"]), NAMED]);

/// The tools as a chat has them.
pub(super) fn nested(tools: &[Value]) -> Vec<Tool> {
    tools.iter().map(|tool| Tool::from(nest(tool))).collect()
}

/// The tools as a response has them, which leaves none of a function's fields out.
pub(super) fn told(tools: &[Value]) -> Vec<Value> {
    let told = |tool: &Value| {
        let mut told = tool.clone();
        for field in ["parameters", "strict"] {
            told[field] = tool[field].clone();
        }
        told
    };
    tools.iter().map(told).collect()
}

/// The choice as a chat has it.
pub(super) fn nested_choice(choice: &Value) -> Value {
    if choice.is_object() { nest(choice) } else { choice.clone() }
}

/// `{"type": "function", ...}` as `{"type": "function", "function": {...}}`.
fn nest(flat: &Value) -> Value {
    let mut function = flat.as_object().cloned().unwrap_or_default();
    function.remove("type");
    json!({"type": "function", "function": function})
}
