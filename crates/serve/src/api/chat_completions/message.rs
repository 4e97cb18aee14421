//! Messages, and the prompt that they make.

use serde_json::{Value, json};
use ulp_infer::{ChatTemplate, ChatTemplateOptions, EncodeOptions};

use crate::api::error::ApiError;
use crate::api::schema::{Parameter, Schema, TEXT};
use crate::api::tools::{self, Tool};
use crate::served_model::ServedModel;

const TEXT_PART: &[Parameter] = &[Parameter::required("text", TEXT, "")];
const PART: Schema = Schema::Tagged { tag: "type", variants: &[("text", TEXT_PART)] };
const CONTENT: Schema = Schema::Either(&[TEXT, Schema::List { item: &PART, min: 1, max: 1024 }]);
const SAID: Parameter = Parameter::required("content", CONTENT, "A text, or parts of one");
const NAME: Parameter =
    Parameter::optional("name", TEXT, "Who says it, if the template shows that");

const CALLED: Schema = Schema::Object(&[&[
    Parameter::required("name", TEXT, ""),
    Parameter::required("arguments", TEXT, "As JSON text"),
]]);
const CALL: Schema = Schema::Tagged {
    tag: "type",
    variants: &[(
        "function",
        &[Parameter::required("id", TEXT, ""), Parameter::required("function", CALLED, "")],
    )],
};
const TOOL_CALLS: Schema = Schema::List { item: &CALL, min: 1, max: 128 };

/// What was said so far.
pub(crate) const CONVERSATION: Schema = Schema::List { item: &MESSAGE, min: 1, max: usize::MAX };

/// A message, whose other fields depend on its role.
const MESSAGE: Schema = Schema::Tagged {
    tag: "role",
    variants: &[
        ("system", &[SAID, NAME]),
        ("developer", &[SAID, NAME]),
        ("user", &[SAID, NAME]),
        (
            "assistant",
            &[
                Parameter::optional("content", CONTENT, "May be left out beside tool_calls"),
                NAME,
                Parameter::refused("refusal", "refusals are texts as others"),
                Parameter::refused("audio", "answers are text"),
                Parameter::optional("tool_calls", TOOL_CALLS, "What it asked to be called"),
                Parameter::refused("function_call", "the API calls them tool_calls now"),
            ],
        ),
        ("tool", &[SAID, Parameter::required("tool_call_id", TEXT, "Which call this is of")]),
    ],
};

/// The tokens of a conversation, up to where the answer begins. `messages` have been checked.
///
/// # Errors
///
/// 400 if the model has no template, or its template refuses the conversation.
pub(crate) fn prompt_ids(
    model: &ServedModel,
    messages: Vec<Value>,
    tools: &[Tool],
) -> Result<Vec<u32>, ApiError> {
    let Some(template) = &model.template else {
        let message = "this model has no chat template; use /v1/completions";
        return Err(ApiError::invalid("messages", "no_chat_template", message));
    };
    let messages = messages.into_iter().enumerate().map(|(i, message)| for_template(i, message));
    let mut messages: Vec<Value> = messages.collect::<Result<_, _>>()?;
    let mut options = options(model);
    let of_tools = |message: &Value| message["role"] == "tool" || !message["tool_calls"].is_null();
    if !tools.is_empty() || messages.iter().any(of_tools) {
        tools::in_template_form(&mut messages);
        match knows_tools(template, &options) {
            true if tools.is_empty() => {}
            true => options.tools = Some(tools.iter().map(|tool| tool.whole.clone()).collect()),
            false => messages = tools::explained(messages, tools),
        }
    }
    let text = template
        .render_values(&messages, &options)
        .map_err(|error| ApiError::of_engine(&error, "messages"))?;
    let tokenizer = &model.tokenizer;
    let mut ids = tokenizer.encode(&text, EncodeOptions::TEMPLATE);
    // Not every template writes the mark that the model has seen before each text.
    if let Some(bos) = tokenizer.bos_id()
        && tokenizer.adds_bos()
        && ids.first() != Some(&bos)
    {
        ids.insert(0, bos);
    }
    Ok(ids)
}

fn options(model: &ServedModel) -> ChatTemplateOptions {
    let tokenizer = &model.tokenizer;
    let mark = |id: Option<u32>| {
        id.and_then(|id| tokenizer.token_text(id)).unwrap_or_default().to_string()
    };
    ChatTemplateOptions {
        add_generation_prompt: true,
        bos_token: mark(tokenizer.bos_id()),
        eos_token: mark(tokenizer.eos_id()),
        ..ChatTemplateOptions::default()
    }
}

/// Whether the template shows tools to the model: whether it makes a difference if there are any.
fn knows_tools(template: &ChatTemplate, options: &ChatTemplateOptions) -> bool {
    let messages = [json!({"role": "user", "content": "Hello"})];
    let tool = json!([{"type": "function", "function": {"name": "f", "description": "",
        "parameters": {"type": "object", "properties": {}}}}]);
    let with = ChatTemplateOptions { tools: Some(tool), ..options.clone() };
    let (with, without) =
        (template.render_values(&messages, &with), template.render_values(&messages, options));
    matches!((with, without), (Ok(with), Ok(without)) if with != without)
}

/// A message as templates know it: the content is one text, and who was once called the system is
/// not called the developer.
fn for_template(index: usize, message: Value) -> Result<Value, ApiError> {
    let Value::Object(mut message) = message else { return Ok(message) };
    if message.get("role").is_some_and(|role| role == "developer") {
        message.insert("role".to_string(), json!("system"));
    }
    match message.get("content") {
        Some(Value::Array(parts)) => {
            let text: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            message.insert("content".to_string(), Value::String(text));
        }
        Some(_) => {}
        None if message.contains_key("tool_calls") => {
            message.insert("content".to_string(), json!(""));
        }
        None => {
            let param = format!("messages[{index}].content");
            let text = format!("{param} is missing");
            return Err(ApiError::invalid(&param, "missing_required_parameter", text));
        }
    }
    Ok(Value::Object(message))
}
