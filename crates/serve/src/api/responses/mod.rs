//! `/v1/responses`: the OpenAI API's newer form of a chat. A request brings a conversation, or goes on
//! from a response that is kept.

mod format;
mod input;
mod items;
mod parameters;
mod store;
mod stored;
mod tools;

use std::sync::Arc;

use axum::extract::{Extension, Request as HttpRequest, State};
use axum::response::Response;
use ulp_infer::Request;

use super::app::{App, Job};
use super::chat_completions::prompt_ids;
use super::error::ApiError;
use super::tools::Decision;
use super::{blocking, body};
use crate::gate::Caller;
use format::ResponseFormat;
pub(crate) use parameters::RESPONSE;
use parameters::ResponseBody;
pub(crate) use store::ResponseStore;
use store::{Draft, Turn};
pub(crate) use stored::{ITEM_LIST, NOTHING, RETRIEVAL, delete, input_items, one};

/// Answers a conversation.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let deadline = app.deadline();
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let mut body: ResponseBody = body::read(request, &RESPONSE, max, time).await?;
    body.note_user();
    let chosen = app.find_model(body.model.as_deref())?;
    let previous = previous(&app, caller, &body)?;
    let stores = body.stores(app.responses.is_open())?;
    let log = body.log()?;
    let mut functions = tools::nested(&body.tools);
    let Decision { with_tools, grammar, grammar_param } = body.decide(&functions)?;
    if !with_tools {
        // Tools that must not be called are not shown.
        functions.clear();
    }
    let input = items::items(body.input.take());
    let (shared, instructions) = (Arc::clone(&app), body.instructions.clone());
    let (before, new) = (previous.clone(), input.clone());
    let prompt = blocking(move || {
        let mut conversation = before.map_or(Vec::new(), |turn| turn.conversation());
        conversation.extend(new);
        let messages = input::messages(instructions.as_deref(), &conversation);
        prompt_ids(&shared.model, messages, &functions)
    });
    let prompt = prompt.await?;
    // Messages are this route's `input`.
    let prompt = prompt.map_err(|error| ApiError { param: Some("input".to_string()), ..error })?;
    app.expect_prompt_length(prompt.len(), "input")?;
    let vocabulary = app.model.model.vocab_size();
    let request = Request {
        sampler: body.sampling.resolve(&app.model.tokenizer, vocabulary)?,
        max_tokens: body.max_output_tokens.unwrap_or(usize::MAX),
        ignore_eog: body.sampling.ignore_eos,
        top_logprobs: log.unwrap_or(0),
        adapter: chosen.adapter,
        priority: body.sampling.priority,
        ..Request::new(prompt)
    };
    let job = Job {
        requests: vec![request],
        n: 1,
        stream: body.stream,
        with_log: log.is_some(),
        prompt_param: "input",
        grammar,
        grammar_param,
        deadline,
    };
    let store = Arc::clone(&app.responses);
    let draft = stores.then_some(Draft { store, caller, input, previous });
    let format = ResponseFormat::new(&chosen.name, &body, with_tools, draft);
    app.answer(job, format).await
}

/// The turn that a request goes on from, if it names one.
///
/// # Errors
///
/// 400 if there is no such response, or not for this caller.
fn previous(app: &App, caller: Caller, body: &ResponseBody) -> Result<Option<Arc<Turn>>, ApiError> {
    let Some(id) = &body.previous_response_id else { return Ok(None) };
    let found = app.responses.find(id, caller).ok_or_else(|| {
        let message = stored::no_response(id);
        ApiError::invalid("previous_response_id", "previous_response_not_found", message)
    });
    found.map(Some)
}
