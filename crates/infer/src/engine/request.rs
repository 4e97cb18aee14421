//! What is asked of the engine.

use std::fmt;
use std::sync::Arc;

use crate::grammar::Grammar;
use crate::model::LoraAdapter;
use crate::sampler::SamplerParams;

/// Names a request for as long as its engine lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(super) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A prompt to continue, and how.
///
/// Several answers to one prompt are several requests with different [`stream`](Request::stream)s:
/// they share the prompt's blocks in the cache, and it is computed once.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Request, SamplerParams};
///
/// let request = Request {
///     sampler: SamplerParams::greedy(),
///     max_tokens: 20,
///     stop: vec!["\n\n".to_string()],
///     ..Request::new(vec![1, 15, 7])
/// };
/// assert_eq!(request.top_logprobs, 0);
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// The ids to continue, at least one.
    pub prompt: Vec<u32>,
    /// How tokens are chosen.
    pub sampler: SamplerParams,
    /// Tokens to generate at most, 0 for none. The context's end is a limit too.
    pub max_tokens: usize,
    /// Generation ends where the text would hold one of these. The string is not part of the text.
    pub stop: Vec<String>,
    /// Go on after tokens that end a generation; they are left out of the text.
    pub ignore_eog: bool,
    /// Generation ends at these tokens too, as at the model's own end. They have no text.
    pub stop_ids: Vec<u32>,
    /// How many alternatives to report with each token.
    pub top_logprobs: usize,
    /// Report how probable the prompt's tokens are, with as many alternatives
    /// ([`Event::Prompt`](super::Event::Prompt)). The whole prompt is computed for it, whatever of
    /// it is in the cache.
    pub prompt_logprobs: bool,
    /// The stream of random numbers of [`SamplerParams::seed`] that is drawn from: requests that
    /// differ in nothing else are independent draws.
    pub stream: u64,
    /// What the text must be. It holds over [`ignore_eog`](Request::ignore_eog); stop strings may
    /// still cut it. Log-probabilities are the model's own.
    pub grammar: Option<Grammar>,
    /// The adapter that the model runs with, made for it. What a request has computed is shared
    /// with those of the same adapter only.
    pub adapter: Option<Arc<LoraAdapter>>,
    /// The higher goes first, under [`Policy::Priority`](super::Policy::Priority).
    pub priority: i32,
}

impl Request {
    /// A request with default sampling that ends at the model's own end, or at the context's.
    pub fn new(prompt: Vec<u32>) -> Self {
        Request {
            prompt,
            sampler: SamplerParams::default(),
            max_tokens: usize::MAX,
            stop: Vec::new(),
            ignore_eog: false,
            stop_ids: Vec::new(),
            top_logprobs: 0,
            prompt_logprobs: false,
            stream: 0,
            grammar: None,
            adapter: None,
            priority: 0,
        }
    }
}
