//! `POST /v1/responses`: the OpenAI API's newer form of a chat. Nothing is stored, so each request
//! brings the whole conversation.

mod format;
mod input;
mod parameters;
mod tools;

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use ulp_infer::Request;

use super::app::{App, Job};
use super::chat_completions::prompt_ids;
use super::error::ApiError;
use super::tools::Decision;
use super::{blocking, body};
use format::ResponseFormat;
pub(crate) use parameters::RESPONSE;
use parameters::ResponseBody;

/// Answers a conversation.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let deadline = app.deadline();
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let mut body: ResponseBody = body::read(request, &RESPONSE, max, time).await?;
    body.note_user();
    let chosen = app.find_model(body.model.as_deref())?;
    let log = body.log()?;
    let mut functions = tools::nested(&body.tools);
    let Decision { with_tools, grammar, grammar_param } = body.decide(&functions)?;
    if !with_tools {
        // Tools that must not be called are not shown.
        functions.clear();
    }
    let messages = input::messages(body.instructions.as_deref(), body.input.take());
    let shared = Arc::clone(&app);
    let prompt = blocking(move || prompt_ids(&shared.model, messages, &functions)).await?;
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
        grammar,
        priority: body.sampling.priority,
        ..Request::new(prompt)
    };
    let job = Job {
        requests: vec![request],
        n: 1,
        stream: body.stream,
        with_log: log.is_some(),
        prompt_param: "input",
        grammar_param,
        deadline,
    };
    let format = ResponseFormat::new(&chosen.name, &body, with_tools);
    app.answer(job, format).await
}
