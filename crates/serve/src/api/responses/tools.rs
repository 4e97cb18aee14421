//! `tools` and `tool_choice` as this route has them: flat, where a chat nests a function's fields.

use serde_json::{Value, json};

use crate::api::error::ApiError;
use crate::api::schema::{Parameter, Schema, WORD};
use crate::api::tools::{self, Choice, FUNCTION, Tool};

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

/// What the model does with them.
///
/// # Errors
///
/// As [`tools::resolve`].
pub(super) fn resolve(tools: &[Tool], choice: Option<&Value>) -> Result<Choice, ApiError> {
    let choice =
        choice.map(|choice| if choice.is_object() { nest(choice) } else { choice.clone() });
    tools::resolve(tools, choice.as_ref(), "name")
}

/// `{"type": "function", ...}` as `{"type": "function", "function": {...}}`.
fn nest(flat: &Value) -> Value {
    let mut function = flat.as_object().cloned().unwrap_or_default();
    function.remove("type");
    json!({"type": "function", "function": function})
}
