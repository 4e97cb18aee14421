//! `POST /v1/chat/completions`.

mod format;
mod message;
mod parameters;

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use ulp_infer::Request;

use super::app::{App, Job};
use super::error::ApiError;
use super::tools::Decision;
use super::{blocking, body};
use format::ChatFormat;
pub(crate) use format::{FINGERPRINT, finite, token_entry};
pub(crate) use message::{CONVERSATION, prompt_ids};
pub(crate) use parameters::CHAT;
use parameters::ChatBody;

/// Answers a conversation.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let deadline = app.deadline();
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let mut body: ChatBody = body::read(request, &CHAT, max, time).await?;
    body.note_user();
    let chosen = app.find_model(body.text.model.as_deref())?;
    let (n, log) = (body.text.n(), body.log()?);
    app.expect_answers(n, "n")?;
    let include_usage = body.text.include_usage()?;
    let Decision { with_tools, grammar, grammar_param } = body.decide()?;
    let messages = std::mem::take(&mut body.messages);
    // Tools that must not be called are not shown.
    let tools = if with_tools { body.tools.clone() } else { Vec::new() };
    let shared = Arc::clone(&app);
    let prompt = blocking(move || prompt_ids(&shared.model, messages, &tools)).await??;
    app.expect_prompt_length(prompt.len(), "messages")?;
    let first = Request { adapter: chosen.adapter, ..request_of(&app, &body, prompt, log)? };
    let job = Job {
        // Answers to one prompt differ by the stream of random numbers that they draw from.
        requests: (0..n as u64).map(|stream| Request { stream, ..first.clone() }).collect(),
        n,
        stream: body.text.stream,
        with_log: log.is_some(),
        prompt_param: "messages",
        grammar,
        grammar_param,
        deadline,
    };
    let format = ChatFormat::new(&chosen.name, log.is_some(), include_usage, with_tools, n);
    app.answer(job, format).await
}

fn request_of(
    app: &App,
    body: &ChatBody,
    prompt: Vec<u32>,
    log: Option<usize>,
) -> Result<Request, ApiError> {
    let vocabulary = app.model.model.vocab_size();
    Ok(Request {
        sampler: body.sampling.resolve(&app.model.tokenizer, vocabulary)?,
        max_tokens: body.max_tokens()?,
        stop: body.text.stop(),
        ignore_eog: body.sampling.ignore_eos,
        top_logprobs: log.unwrap_or(0),
        priority: body.sampling.priority,
        ..Request::new(prompt)
    })
}
