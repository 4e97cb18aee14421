//! Messages, and the prompt that they make.

use serde_json::{Map, Value, json};
use ulp_infer::{ChatTemplateOptions, EncodeOptions};

use crate::api::error::ApiError;
use crate::api::schema::{Parameter, Schema, TEXT};
use crate::served_model::ServedModel;

const TEXT_PART: &[Parameter] = &[Parameter::required("text", TEXT, "")];
const PART: Schema = Schema::Tagged { tag: "type", variants: &[("text", TEXT_PART)] };
const CONTENT: Schema = Schema::Either(&[TEXT, Schema::List { item: &PART, min: 1, max: 1024 }]);
const SAID: Parameter = Parameter::required("content", CONTENT, "A text, or parts of one");
const NAME: Parameter =
    Parameter::optional("name", TEXT, "Who says it, if the template shows that");

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
                SAID,
                NAME,
                Parameter::refused("refusal", "refusals are texts as others"),
                Parameter::refused("audio", "answers are text"),
                Parameter::refused("tool_calls", "this server has no tools"),
                Parameter::refused("function_call", "this server has no tools"),
            ],
        ),
    ],
};

/// The tokens of a conversation, up to where the answer begins. `messages` have been checked.
///
/// # Errors
///
/// 400 if the model has no template, or its template refuses the conversation.
pub(crate) fn prompt_ids(model: &ServedModel, messages: Vec<Value>) -> Result<Vec<u32>, ApiError> {
    let Some(template) = &model.template else {
        let message = "this model has no chat template; use /v1/completions";
        return Err(ApiError::invalid("messages", "no_chat_template", message));
    };
    let tokenizer = &model.tokenizer;
    let mark = |id: Option<u32>| {
        id.and_then(|id| tokenizer.token_text(id)).unwrap_or_default().to_string()
    };
    let options = ChatTemplateOptions {
        add_generation_prompt: true,
        bos_token: mark(tokenizer.bos_id()),
        eos_token: mark(tokenizer.eos_id()),
        ..ChatTemplateOptions::default()
    };
    let messages: Vec<Value> = messages.into_iter().map(for_template).collect();
    let text = template
        .render_values(&messages, &options)
        .map_err(|error| ApiError::of_engine(&error, "messages"))?;
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

/// A message as templates know it: the content is one text, and who was once called the system is
/// not called the developer.
fn for_template(message: Value) -> Value {
    let Value::Object(mut message) = message else { return message };
    if message.get("role").is_some_and(|role| role == "developer") {
        message.insert("role".to_string(), json!("system"));
    }
    if let Some(Value::Array(parts)) = message.get("content") {
        let text: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        message.insert("content".to_string(), Value::String(text));
    }
    Value::Object(Map::from_iter(message))
}
