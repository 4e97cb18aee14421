//! `tools` and `tool_choice`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::error::ApiError;
use crate::api::schema::{Parameter, Schema, TEXT, WORD};

/// The fields of a function; the newer API has them beside `type`, the older one below.
pub(crate) const FUNCTION: &[Parameter] = &[
    Parameter::required("name", WORD, ""),
    Parameter::optional("description", TEXT, "What it does, for the model"),
    Parameter::optional("parameters", Schema::AnyObject, "A JSON schema of its arguments"),
    Parameter::optional("strict", Schema::Boolean, "Arguments always follow the schema"),
];
const TOOL: Schema = Schema::Tagged {
    tag: "type",
    variants: &[("function", &[Parameter::required("function", Schema::Object(&[FUNCTION]), "")])],
};

/// Functions that the model may call.
pub(crate) const TOOLS: Schema = Schema::List { item: &TOOL, min: 0, max: 128 };

const NAMED: Schema = Schema::Tagged {
    tag: "type",
    variants: &[(
        "function",
        &[Parameter::required(
            "function",
            Schema::Object(&[&[Parameter::required("name", WORD, "")]]),
            "",
        )],
    )],
};

/// Whether it must, may or must not.
pub(crate) const TOOL_CHOICE: Schema =
    Schema::Either(&[Schema::Choice(&["none", "auto", "required"]), NAMED]);

/// Whether it may call several functions at once.
pub(crate) const PARALLEL_TOOL_CALLS: Parameter = Parameter::optional(
    "parallel_tool_calls",
    Schema::Boolean,
    "Whether it may call several at once; default true",
);

/// A function.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Value")]
pub(crate) struct Tool {
    /// As the client sent it, for the template.
    pub(crate) whole: Value,
}

impl From<Value> for Tool {
    fn from(whole: Value) -> Self {
        Tool { whole }
    }
}

impl Tool {
    pub(crate) fn name(&self) -> &str {
        self.whole["function"]["name"].as_str().unwrap_or_default()
    }

    /// The schema of its arguments; a function that names none takes none.
    pub(crate) fn parameters(&self) -> Value {
        match &self.whole["function"]["parameters"] {
            Value::Null => {
                json!({"type": "object", "properties": {}, "additionalProperties": false})
            }
            schema => schema.clone(),
        }
    }
}

/// What the model does with the tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// No calls.
    None,
    /// A text, or calls.
    Auto,
    /// At least one call.
    Required,
    /// One call of this function.
    Named(String),
}

/// Checks tools and choice against one another. `name` is where in a tool its name stands.
///
/// # Errors
///
/// 400 for two functions of one name, a choice without tools, or of a function that is not there.
pub(super) fn resolve(
    tools: &[Tool],
    choice: Option<&Value>,
    name: &str,
) -> Result<Choice, ApiError> {
    for (i, tool) in tools.iter().enumerate() {
        let param = format!("tools[{i}].{name}");
        let name = tool.name();
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !letters || name.len() > 64 {
            let message = format!("{param} must be up to 64 letters, digits, _ and -");
            return Err(ApiError::value(&param, message));
        }
        if tools[..i].iter().any(|other| other.name() == name) {
            return Err(ApiError::value(&param, format!("{param}: there are two of {name:?}")));
        }
    }
    let choice = match choice {
        None if tools.is_empty() => Choice::None,
        None => Choice::Auto,
        Some(Value::String(word)) => match word.as_str() {
            "none" => Choice::None,
            "auto" => Choice::Auto,
            _ => Choice::Required,
        },
        Some(named) => {
            Choice::Named(named["function"]["name"].as_str().unwrap_or_default().to_string())
        }
    };
    match &choice {
        Choice::Auto | Choice::None if tools.is_empty() => Ok(Choice::None),
        Choice::Named(name) if tools.iter().all(|tool| tool.name() != name) => {
            let message = format!("tool_choice names {name:?}, which is not among tools");
            Err(ApiError::value("tool_choice", message))
        }
        Choice::Required if tools.is_empty() => Err(ApiError::value(
            "tool_choice",
            "tool_choice requires a call and there are no tools",
        )),
        _ => Ok(choice),
    }
}
