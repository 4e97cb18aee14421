//! Guesses of the tokens to come, verified in one pass ([Leviathan et al.
//! 2023](https://arxiv.org/abs/2211.17192)).
//!
//! A pass over several tokens costs little more than over one, since the weights are read once. So
//! tokens are guessed and put through the model behind the last known one; each that the sampler
//! would have chosen itself is kept, up to the first that it would not.
//!
//! The random number of a token belongs to its place in the sequence, so the tokens are the very
//! ones that come without guessing, drawn ones too: nothing but the speed depends on the guesses.

mod acceptance;
mod draft_model;
mod prompt_lookup;

use std::sync::Arc;

use super::request::RequestId;
use crate::error::InferError;
use crate::kv_cache::CacheType;
use crate::model::Model;
pub(super) use acceptance::Acceptance;
use draft_model::DraftModel;
use prompt_lookup::look_up;

/// A sequence for which `n` tokens are to be guessed at most.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) request: RequestId,
    pub(super) tokens: &'a [u32],
    pub(super) n: usize,
}

/// Where guesses come from: a sequence's own text, or a model.
#[derive(Debug, Default)]
pub(super) struct Drafter {
    model: Option<DraftModel>,
}

impl Drafter {
    /// Guesses by a model with a cache of `positions`.
    pub(super) fn model(model: Arc<Model>, ty: CacheType, positions: usize) -> Self {
        Drafter { model: Some(DraftModel::new(model, ty, positions)) }
    }

    /// A guess for each, perhaps an empty one. The sequence's own text comes first: it costs
    /// nothing.
    pub(super) fn guess(&mut self, wanted: &[Wanted<'_>]) -> Result<Vec<Vec<u32>>, InferError> {
        let mut guesses: Vec<Vec<u32>> = wanted.iter().map(|w| look_up(w.tokens, w.n)).collect();
        if let Some(model) = &mut self.model {
            let open: Vec<Wanted<'_>> = (wanted.iter().zip(&guesses))
                .map(|(w, guess)| Wanted {
                    request: w.request,
                    tokens: w.tokens,
                    n: if guess.is_empty() { w.n } else { 0 },
                })
                .collect();
            for (guess, by_model) in guesses.iter_mut().zip(model.guess(&open)?) {
                if guess.is_empty() {
                    *guess = by_model;
                }
            }
        }
        Ok(guesses)
    }

    /// Forgets a request that has ended.
    pub(super) fn forget(&mut self, request: RequestId) {
        if let Some(model) = &mut self.model {
            model.forget(request);
        }
    }
}
