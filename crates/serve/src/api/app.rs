//! What all routes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use ulp_infer::{Grammar, LoraAdapter, Request};

use super::answer::{Asked, Format, collect, stream};
use super::error::ApiError;
use super::grammars::Grammars;
use super::json_response;
use super::responses::ResponseStore;
use crate::engine_thread::{EngineHandle, Generation, Refusal};
use crate::metrics::Metrics;
use crate::options::ServeOptions;
use crate::served_model::{ServedModel, unix_seconds};

/// The model, the way to its engine, and the server's own state.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) model: ServedModel,
    /// Tokens of prompt and answer at most, as the engine has it.
    pub(crate) context: usize,
    pub(crate) options: ServeOptions,
    pub(crate) engine: EngineHandle,
    pub(crate) grammars: Grammars,
    pub(crate) metrics: Arc<Metrics>,
    /// Responses to go on from.
    pub(crate) responses: Arc<ResponseStore>,
    /// Whose turn it is to compute embeddings.
    pub(crate) embedding: tokio::sync::Mutex<()>,
    /// When the server started, in seconds since 1970.
    pub(crate) created: u64,
    draining: AtomicBool,
}

/// What a request's `model` stands for.
pub(crate) struct Chosen {
    /// The name that the answer bears.
    pub(crate) name: String,
    pub(crate) adapter: Option<Arc<LoraAdapter>>,
}

/// Sequences to generate for one call.
pub(crate) struct Job {
    pub(crate) requests: Vec<Request>,
    /// Answers to each prompt.
    pub(crate) n: usize,
    pub(crate) stream: bool,
    /// Whether answers come with log-probabilities.
    pub(crate) with_log: bool,
    /// The parameter that an error about the prompt names.
    pub(crate) prompt_param: &'static str,
    /// What the answers must be.
    pub(crate) grammar: Option<Grammar>,
    /// The parameter that an error about the answer's grammar names.
    pub(crate) grammar_param: &'static str,
    pub(crate) deadline: Instant,
}

impl App {
    pub(crate) fn new(
        model: ServedModel,
        context: usize,
        options: ServeOptions,
        engine: EngineHandle,
        grammars: Grammars,
        metrics: Arc<Metrics>,
    ) -> Self {
        let draining = AtomicBool::new(false);
        let (created, embedding) = (unix_seconds(), tokio::sync::Mutex::new(()));
        let (count, bytes) = (options.max_stored, options.max_stored_bytes);
        let responses = Arc::new(ResponseStore::new(count, bytes));
        App {
            model,
            context,
            options,
            engine,
            grammars,
            metrics,
            responses,
            embedding,
            created,
            draining,
        }
    }

    /// From now on no request is taken in.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.engine.close();
    }

    /// Whether requests are taken in.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Acquire) && self.engine.is_alive()
    }

    /// When a request that comes now must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout
    }

    /// The model of this name, with its adapter if it is one's name; none named is the model
    /// itself.
    ///
    /// # Errors
    ///
    /// 404 for a name that is not served.
    pub(crate) fn find_model(&self, name: Option<&str>) -> Result<Chosen, ApiError> {
        let model = || Chosen { name: self.model.name().to_string(), adapter: None };
        let Some(name) = name else { return Ok(model()) };
        if self.model.names.iter().any(|known| known == name) {
            return Ok(model());
        }
        if let Some((name, adapter)) = self.model.adapters.iter().find(|(known, _)| known == name) {
            return Ok(Chosen { name: name.clone(), adapter: Some(Arc::clone(adapter)) });
        }
        let known: Vec<&str> = self.model.all_names().collect();
        let known = known.join(", ");
        let message = format!("the model {name:?} is not served; there is {known}");
        let error = ApiError::new(axum::http::StatusCode::NOT_FOUND, "model_not_found", message);
        Err(ApiError { param: Some("model".to_string()), ..error })
    }

    /// Refuses a prompt that is longer than the server allows, before the engine sees it.
    pub(crate) fn expect_prompt_length(&self, tokens: usize, param: &str) -> Result<(), ApiError> {
        let max = self.options.max_prompt;
        if tokens <= max {
            return Ok(());
        }
        let message = format!("{param} has {tokens} tokens, this server takes {max}");
        Err(ApiError::invalid(param, "prompt_too_long", message))
    }

    /// Refuses more answers than the server gives to one request.
    pub(crate) fn expect_answers(&self, n: usize, param: &str) -> Result<(), ApiError> {
        let max = self.options.max_n;
        if n <= max {
            return Ok(());
        }
        Err(ApiError::value(
            param,
            format!("{param} asks for {n} answers, this server gives {max}"),
        ))
    }

    /// Generates, and writes the answers in the route's form.
    pub(crate) async fn answer<F: Format>(
        &self,
        mut job: Job,
        mut format: F,
    ) -> Result<Response, ApiError> {
        let (answers, n, with_log) = (job.requests.len(), job.n, job.with_log);
        let asked = Asked { answers, n, with_log, grammar_param: job.grammar_param };
        let generation = self.submit(&mut job).await?;
        let tokenizer = Arc::clone(&self.model.tokenizer);
        if job.stream {
            let ping = self.options.ping;
            return Ok(stream(generation, asked, tokenizer, format, ping));
        }
        let whole = collect(generation, asked, &tokenizer, &mut format).await?;
        Ok(json_response(&whole).into_response())
    }

    async fn submit(&self, job: &mut Job) -> Result<Generation, ApiError> {
        let requests = std::mem::take(&mut job.requests);
        let grammar = match job.grammar.take() {
            Some(grammar) => {
                let compiled = self.grammars.compile(grammar, job.grammar_param, job.deadline);
                Some(compiled.await?)
            }
            None => None,
        };
        self.engine.submit(requests, grammar, job.deadline).await.map_err(|refusal| match refusal {
            Refusal::Full => {
                self.metrics.refused();
                ApiError::unavailable("overloaded", "the queue is full, try again later", 1)
            }
            Refusal::Stopped if self.engine.is_alive() => {
                ApiError::unavailable("shutting_down", "the server is shutting down", 5)
            }
            Refusal::Stopped => ApiError::internal("the engine has stopped"),
            Refusal::Engine(error) => ApiError::of_engine(&error, job.prompt_param),
        })
    }
}
