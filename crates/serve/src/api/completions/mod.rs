//! `POST /v1/completions`.

mod format;
mod parameters;
mod prompt;

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use ulp_infer::Request;

use super::app::{App, Job};
use super::error::ApiError;
use super::{blocking, body};
use format::CompletionFormat;
pub(crate) use parameters::COMPLETION;
use parameters::CompletionBody;
pub(crate) use prompt::{PROMPT, Prompt, ids};

/// Goes on with one or more texts.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let deadline = app.deadline();
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let mut body: CompletionBody = body::read(request, &COMPLETION, max, time).await?;
    body.text.note_user();
    let chosen = app.find_model(body.text.model.as_deref())?;
    let (n, log) = (body.text.n(), body.log());
    let include_usage = body.text.include_usage()?;
    app.expect_answers(n.saturating_mul(body.prompt.len()), "n")?;
    let given = body.prompt.take();
    let shared = Arc::clone(&app);
    let prompts = blocking(move || ids(&shared.model.tokenizer, given)).await?;
    for prompt in &prompts {
        app.expect_prompt_length(prompt.len(), "prompt")?;
    }
    let echo = match body.echo {
        true => prompts.iter().map(|ids| app.model.tokenizer.decode(ids)).collect(),
        false => vec![String::new(); prompts.len()],
    };
    let mut requests = Vec::with_capacity(n * prompts.len());
    for prompt in prompts {
        let first =
            Request { adapter: chosen.adapter.clone(), ..request_of(&app, &body, prompt, log)? };
        requests.extend((0..n as u64).map(|stream| Request { stream, ..first.clone() }));
    }
    let job = Job {
        requests,
        n,
        stream: body.text.stream,
        with_log: log.is_some(),
        prompt_param: "prompt",
        grammar: None,
        grammar_param: "prompt",
        deadline,
    };
    let format = CompletionFormat::new(&chosen.name, log.is_some(), include_usage, echo, n);
    app.answer(job, format).await
}

fn request_of(
    app: &App,
    body: &CompletionBody,
    prompt: Vec<u32>,
    log: Option<usize>,
) -> Result<Request, ApiError> {
    let vocabulary = app.model.model.vocab_size();
    Ok(Request {
        sampler: body.sampling.resolve(&app.model.tokenizer, vocabulary)?,
        max_tokens: body.max_tokens(),
        stop: body.text.stop(),
        ignore_eog: body.sampling.ignore_eos,
        top_logprobs: log.unwrap_or(0),
        prompt_logprobs: body.echo && log.is_some(),
        priority: body.sampling.priority,
        ..Request::new(prompt)
    })
}
