//! How an engine runs.

use crate::kv_cache::CacheType;
use crate::precision::Precision;
use crate::quant::Activations;

/// Which waiting request goes next.
///
/// Whatever the policy, a request that 32 later ones have overtaken goes next: none waits for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// The one that came first.
    #[default]
    FirstCome,
    /// The one with the highest [`Request::priority`](super::Request::priority), which also gives
    /// way last when the cache is full.
    Priority,
    /// The one of whose prompt most is in the cache.
    LongestPrefix,
}

/// Limits and choices of an [`Engine`](super::Engine). None of them changes a request's tokens,
/// but [`activations`](EngineOptions::activations) and [`cache_type`](EngineOptions::cache_type).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// How activations take part in products with quantized weights.
    pub activations: Activations,
    /// Positions that one request may have, prompt and answer; the model's own context if 0 or
    /// above it.
    pub context: usize,
    /// Positions in the cache in all, shared by all requests and by what is kept of earlier ones
    /// for its prefixes; [`context`](EngineOptions::context) if 0, and never less. Memory is taken as
    /// positions fill.
    pub cache: usize,
    /// How the cache stores keys and values.
    pub cache_type: CacheType,
    /// Requests that run at once; others wait.
    pub max_running: usize,
    /// Tokens that one step computes at most, so that a long prompt does not hold up those who
    /// wait for their next token: prompts go in pieces of what is left of it.
    pub step_tokens: usize,
    /// Which waiting request goes next.
    pub policy: Policy,
    /// Tokens that are guessed at most, from what a sequence said before or by the model of
    /// [`Engine::with_draft`](super::Engine::with_draft), and verified together; 0 for none. Without
    /// a draft model, worth while where answers repeat their prompts (code, summaries, extraction).
    pub max_draft: usize,
}

impl Default for EngineOptions {
    /// Quantized activations, the model's context, one such cache in f32, 64 requests, 512 tokens a
    /// step, first come first served, no guesses.
    fn default() -> Self {
        EngineOptions {
            activations: Activations::Quantized,
            context: 0,
            cache: 0,
            cache_type: CacheType::F32,
            max_running: 64,
            step_tokens: 512,
            policy: Policy::FirstCome,
            max_draft: 0,
        }
    }
}

impl EngineOptions {
    /// The two that change tokens.
    pub fn precision(&self) -> Precision {
        Precision { activations: self.activations, cache: self.cache_type }
    }
}
