//! What the engine's events make: text, log-probabilities, an end, a count of tokens.

mod collect;
mod format;
mod stream;
mod token_log;
mod usage;

use ulp_infer::{FinishReason, Finished, TokenEvent, Tokenizer};

use super::error::ApiError;
use crate::engine_thread::{Happening, Interruption};
pub(crate) use collect::collect;
pub(crate) use format::{Format, Frame};
pub(crate) use stream::stream;
pub(crate) use token_log::{LoggedToken, TokenLog, token_bytes};
pub(crate) use usage::{Counts, total};

/// What a request asks of its answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// How many there are.
    pub(crate) answers: usize,
    /// How many to one prompt.
    pub(crate) n: usize,
    /// Whether they come with log-probabilities.
    pub(crate) with_log: bool,
    /// The parameter that an error about their grammar names.
    pub(crate) grammar_param: &'static str,
}

/// One answer as it grows.
#[derive(Debug)]
pub(crate) struct Answer {
    log: Option<TokenLog>,
    grammar_param: &'static str,
}

/// What an event adds to an answer.
#[derive(Debug, Default)]
pub(crate) struct Addition {
    pub(crate) text: String,
    /// The tokens of this text, if log-probabilities are wanted.
    pub(crate) tokens: Vec<LoggedToken>,
    pub(crate) end: Option<Ending>,
}

/// The end of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// `stop`, `length` or `tool_calls`.
    pub(crate) reason: &'static str,
    pub(crate) counts: Counts,
}

impl Answer {
    /// The answers to a request.
    pub(crate) fn all(asked: Asked) -> Vec<Self> {
        let log = || asked.with_log.then(TokenLog::default);
        let new = |_| Answer { log: log(), grammar_param: asked.grammar_param };
        (0..asked.answers).map(new).collect()
    }

    /// What an event adds.
    ///
    /// # Errors
    ///
    /// The request's own failure.
    pub(crate) fn add(
        &mut self,
        happening: Happening,
        tokenizer: &Tokenizer,
    ) -> Result<Addition, ApiError> {
        match happening {
            Happening::Prompt(prompt) => {
                let tokens = prompt.tokens.iter().map(|t| LoggedToken::of_prompt(t, tokenizer));
                Ok(Addition { tokens: tokens.collect(), ..Addition::default() })
            }
            Happening::Token(token) => Ok(self.add_token(token, tokenizer)),
            Happening::Finished(finished) => self.finish(finished),
            // What is wrong with the rest was known before it began.
            Happening::Failed(error) => Err(ApiError::of_engine(&error, self.grammar_param)),
        }
    }

    fn add_token(&mut self, token: TokenEvent, tokenizer: &Tokenizer) -> Addition {
        let mut tokens = Vec::new();
        if let Some(log) = &mut self.log {
            // The token that ends a text is not a part of it.
            if !(tokenizer.is_eog(token.id) && token.text.is_empty()) {
                log.push(&token, tokenizer);
            }
            tokens = log.release(token.text.len());
        }
        Addition { text: token.text, tokens, end: None }
    }

    fn finish(&mut self, finished: Finished) -> Result<Addition, ApiError> {
        let reason = match finished.reason {
            FinishReason::EndOfGeneration | FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Cancelled => return Err(of_interruption(Interruption::Stopped)),
        };
        let mut tokens = Vec::new();
        if let Some(log) = &mut self.log {
            tokens = log.release(finished.text.len());
            if finished.reason != FinishReason::Stop {
                tokens.extend(log.rest());
            }
        }
        let end = Ending { reason, counts: Counts::of(&finished.usage) };
        Ok(Addition { text: finished.text, tokens, end: Some(end) })
    }
}

/// What a client is told whose answer breaks off.
pub(crate) fn of_interruption(interruption: Interruption) -> ApiError {
    match interruption {
        Interruption::TimedOut => ApiError::new(
            axum::http::StatusCode::GATEWAY_TIMEOUT,
            "request_timeout",
            "the request took longer than this server allows",
        ),
        Interruption::Stopped => {
            ApiError::unavailable("shutting_down", "the server is shutting down", 5)
        }
    }
}
