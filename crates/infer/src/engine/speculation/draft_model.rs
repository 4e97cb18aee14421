//! Guesses by a smaller model with the same vocabulary.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Wanted;
use crate::engine::prefix_cache::common_prefix;
use crate::engine::request::RequestId;
use crate::error::InferError;
use crate::kv_cache::{CacheType, KvCache, SequenceId};
use crate::model::{Input, LogitRows, Model, Workspace};
use crate::quant::Activations;
use crate::sampler::SamplerParams;

/// A model that guesses the best token, over and over, with a cache of its own.
#[derive(Debug)]
pub(super) struct DraftModel {
    model: Arc<Model>,
    cache: KvCache,
    workspace: Workspace,
    /// What it has computed of each request.
    computed: BTreeMap<RequestId, Computed>,
}

#[derive(Debug)]
struct Computed {
    sequence: SequenceId,
    tokens: Vec<u32>,
}

/// Tokens of a prompt that a pass computes at most: a long one is caught up with over some steps,
/// so that it does not hold up others.
const CATCH_UP: usize = 256;

/// What a pass computes of a request.
struct Step {
    sequence: SequenceId,
    tokens: Vec<u32>,
    /// Whether the last token is the last that is known.
    reaches_end: bool,
}

impl Step {
    fn input(&self) -> Input<'_> {
        let logits = if self.reaches_end { LogitRows::Last } else { LogitRows::None };
        Input { sequence: self.sequence, tokens: &self.tokens, logits }
    }
}

/// A guess that grows.
struct Guess<'a> {
    wanted: &'a Wanted<'a>,
    tokens: Vec<u32>,
}

impl DraftModel {
    pub(super) fn new(model: Arc<Model>, ty: CacheType, positions: usize) -> Self {
        let cache = KvCache::of_type(model.cache_shape(), ty, positions);
        DraftModel { model, cache, workspace: Workspace::new(), computed: BTreeMap::new() }
    }

    /// Forgets a request.
    pub(super) fn forget(&mut self, request: RequestId) {
        if let Some(computed) = self.computed.remove(&request) {
            self.cache.close(computed.sequence);
        }
    }

    /// Guesses for all that want one, each of the passes over all of them. Where its own context or
    /// cache has no room, it guesses nothing.
    pub(super) fn guess(&mut self, wanted: &[Wanted<'_>]) -> Result<Vec<Vec<u32>>, InferError> {
        let mut guesses: Vec<Guess<'_>> =
            wanted.iter().map(|wanted| Guess { wanted, tokens: Vec::new() }).collect();
        for pass in 0..wanted.iter().map(|wanted| wanted.n).max().unwrap_or(0) {
            self.pass(&mut guesses, pass)?;
        }
        Ok(guesses.into_iter().map(|guess| guess.tokens).collect())
    }

    /// One more token for each guess that has `len` and wants more.
    fn pass(&mut self, guesses: &mut [Guess<'_>], len: usize) -> Result<(), InferError> {
        let mut growing: Vec<(&mut Guess<'_>, Step)> = Vec::new();
        for guess in guesses.iter_mut() {
            if guess.tokens.len() == len
                && len < guess.wanted.n
                && let Some(step) = self.catch_up(guess)
            {
                growing.push((guess, step));
            }
        }
        let inputs: Vec<Input<'_>> = growing.iter().map(|(_, step)| step.input()).collect();
        let (activations, workspace) = (Activations::Quantized, &mut self.workspace);
        let logits = self.model.forward(&inputs, &mut self.cache, activations, workspace)?;
        let mut rows = logits.chunks_exact(self.model.vocab_size());
        for (guess, step) in growing {
            if let Some(computed) = self.computed.get_mut(&guess.wanted.request) {
                computed.tokens.extend(&step.tokens);
            }
            if step.reaches_end {
                let logits = rows.next().expect("a row for each that reaches its end");
                // A draft whose logits are not numbers has no guess.
                guess.tokens.extend(SamplerParams::greedy().sample(logits, 0, 0).ok());
            }
        }
        Ok(())
    }

    /// The next tokens of a request and its guess that are not computed yet, with room reserved.
    fn catch_up(&mut self, guess: &Guess<'_>) -> Option<Step> {
        let computed = self
            .computed
            .entry(guess.wanted.request)
            .or_insert_with(|| Computed { sequence: self.cache.open(), tokens: Vec::new() });
        // All of a guess comes from the same factors: the keys are computed again once, not each
        // time that guesses reach over the border and back.
        let factors = self.model.rope_factors(guess.wanted.tokens.len() + guess.wanted.n);
        if factors > self.cache.rope_factors(computed.sequence) {
            self.cache.close(computed.sequence);
            *computed = Computed { sequence: self.cache.open_with(factors), tokens: Vec::new() };
        }
        let known = [guess.wanted.tokens, &guess.tokens].concat();
        // What was guessed and not said is forgotten.
        let common = common_prefix(&computed.tokens, &known).min(known.len() - 1);
        computed.tokens.truncate(common);
        self.cache.truncate(computed.sequence, common);
        let end = known.len().min(common + CATCH_UP);
        let step = Step {
            sequence: computed.sequence,
            tokens: known[common..end].to_vec(),
            reaches_end: end == known.len(),
        };
        let room = known.len() <= self.model.context()
            && self.cache.reserve(step.sequence, step.tokens.len()).is_ok();
        room.then_some(step)
    }
}
