//! `POST /tokenize` and `POST /detokenize`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use ulp_infer::EncodeOptions;

use super::app::App;
use super::chat_completions::{CONVERSATION, prompt_ids};
use super::error::ApiError;
use super::schema::{Parameter, Schema, TEXT, WORD};
use super::{answer, blocking, body, json_response};

const MODEL: Parameter = Parameter::optional("model", WORD, "One of the names of /v1/models");

/// The body of `/tokenize`.
pub(crate) const TOKENIZE: Schema = Schema::Object(&[&[
    MODEL,
    Parameter::optional("prompt", TEXT, "A text"),
    Parameter::optional("messages", CONVERSATION, "Or a conversation"),
    Parameter::optional(
        "add_special_tokens",
        Schema::Boolean,
        "Begin a text with what the model expects; default true",
    ),
    Parameter::optional(
        "parse_special",
        Schema::Boolean,
        "Read names of special tokens in a text as those tokens; default false",
    ),
    Parameter::optional("return_token_strs", Schema::Boolean, "Give the tokens' texts, too"),
]]);

#[derive(Debug, Deserialize)]
struct TokenizeBody {
    model: Option<String>,
    prompt: Option<String>,
    messages: Option<Vec<Value>>,
    add_special_tokens: Option<bool>,
    #[serde(default)]
    parse_special: bool,
    #[serde(default)]
    return_token_strs: bool,
}

/// Text to ids.
pub(crate) async fn tokenize(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let body: TokenizeBody = body::read(request, &TOKENIZE, max, time).await?;
    app.find_model(body.model.as_deref())?;
    let with_texts = body.return_token_strs;
    let shared = Arc::clone(&app);
    let ids = blocking(move || ids(&shared, body)).await??;
    let mut object = json!({
        "count": ids.len(),
        "max_model_len": app.context,
        "tokens": ids,
        "token_strs": null,
    });
    if with_texts {
        let tokenizer = &app.model.tokenizer;
        let text =
            |&id: &u32| String::from_utf8_lossy(&answer::token_bytes(id, tokenizer)).into_owned();
        object["token_strs"] = json!(ids.iter().map(text).collect::<Vec<_>>());
    }
    Ok(json_response(&object))
}

fn ids(app: &App, body: TokenizeBody) -> Result<Vec<u32>, ApiError> {
    let is_default = body.add_special_tokens.is_none() && !body.parse_special;
    match (body.prompt, body.messages) {
        (Some(text), None) => {
            let add_special = body.add_special_tokens.unwrap_or(true);
            let options = EncodeOptions { add_special, parse_special: body.parse_special };
            Ok(app.model.tokenizer.encode(&text, options))
        }
        (None, Some(messages)) if is_default => prompt_ids(&app.model, messages, &[]),
        (None, Some(_)) => Err(ApiError::value(
            "messages",
            "the chat template says where special tokens stand in messages",
        )),
        _ => Err(ApiError::value("prompt", "give either prompt or messages")),
    }
}

/// The body of `/detokenize`.
pub(crate) const DETOKENIZE: Schema = Schema::Object(&[&[
    MODEL,
    Parameter::required(
        "tokens",
        Schema::List {
            item: &Schema::Integer { min: 0, max: u32::MAX as i64 },
            min: 0,
            max: usize::MAX,
        },
        "Token ids",
    ),
]]);

#[derive(Debug, Deserialize)]
struct DetokenizeBody {
    model: Option<String>,
    tokens: Vec<u32>,
}

/// Ids to text, names of special tokens and all.
pub(crate) async fn detokenize(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let body: DetokenizeBody = body::read(request, &DETOKENIZE, max, time).await?;
    app.find_model(body.model.as_deref())?;
    let vocabulary = app.model.model.vocab_size();
    if let Some(i) = body.tokens.iter().position(|&id| id as usize >= vocabulary) {
        let param = format!("tokens[{i}]");
        let message = format!("{param} is {}, it must be below {vocabulary}", body.tokens[i]);
        return Err(ApiError::value(&param, message));
    }
    Ok(json_response(&json!({"prompt": app.model.tokenizer.decode_with_special(&body.tokens)})))
}
