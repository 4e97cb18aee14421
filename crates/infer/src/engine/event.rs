//! What the engine reports.

use super::request::RequestId;
use crate::error::InferError;
use crate::sampler::TokenLogProbability;

/// Something happened to a request.
#[derive(Debug)]
pub enum Event {
    /// Its prompt has been computed, and it was asked how probable it is
    /// ([`Request::prompt_logprobs`](super::Request::prompt_logprobs)).
    Prompt(PromptEvent),
    /// It has one more token.
    Token(TokenEvent),
    /// It has ended; nothing more comes.
    Finished(Finished),
    /// It has ended by an error of its own; nothing more comes. Other requests are not touched.
    Failed {
        /// The request.
        request: RequestId,
        /// What is wrong: a logit that is not finite.
        error: InferError,
    },
}

impl Event {
    /// The request it is about.
    pub fn request(&self) -> RequestId {
        match self {
            Event::Prompt(prompt) => prompt.request,
            Event::Token(token) => token.request,
            Event::Finished(finished) => finished.request,
            Event::Failed { request, .. } => *request,
        }
    }
}

/// How probable a request's prompt is. It comes before the first token.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptEvent {
    /// The request.
    pub request: RequestId,
    /// The prompt's tokens in order.
    pub tokens: Vec<PromptToken>,
}

/// A token of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptToken {
    /// The token.
    pub id: u32,
    /// The natural logarithm of its probability after those before it; none for the first.
    pub logprob: Option<f32>,
    /// The most probable tokens in its place, best first; none for the first.
    pub top: Vec<TokenLogProbability>,
}

/// A token of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenEvent {
    /// The request.
    pub request: RequestId,
    /// The token.
    pub id: u32,
    /// The text that can be shown now. Characters are whole, and what may be the beginning of a
    /// stop string is held back, so this is often not the token's own text. All pieces of a request
    /// together, that of [`Finished`] among them, are its text.
    pub text: String,
    /// The natural logarithm of the token's probability in the model's own distribution, before
    /// temperature and filters.
    pub logprob: f32,
    /// The most probable tokens, best first: [`Request::top_logprobs`](super::Request) of them.
    pub top: Vec<TokenLogProbability>,
}

/// The end of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The request.
    pub request: RequestId,
    /// Text that was held back until the end.
    pub text: String,
    /// Why it ended.
    pub reason: FinishReason,
    /// What it cost.
    pub usage: Usage,
}

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model gave a token that ends a generation. It is the last token event, without text.
    EndOfGeneration,
    /// A stop string came.
    Stop,
    /// The request's or the context's limit of tokens was reached.
    Length,
    /// [`Engine::cancel`](super::Engine::cancel).
    Cancelled,
}

/// Tokens of a request. Times are the caller's to take: the engine reads no clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Those of them whose keys and values were in the cache already.
    pub reused: usize,
    /// Tokens generated.
    pub generated: usize,
    /// Tokens that were guessed for it.
    pub drafted: usize,
    /// Those of them that were right, and so came without a step of their own.
    pub accepted: usize,
    /// Steps of the engine in which it took part.
    pub steps: usize,
    /// How often its place in the cache was taken from it and computed again.
    pub preemptions: usize,
}
