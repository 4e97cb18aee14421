//! Who computes what in the next step.
//!
//! Every sequence has known tokens and computed tokens; a step hands out a budget of tokens so that
//! the one catches up with the other. A prompt, a part of a prompt and a single new token are the
//! same thing. First come those that lack one token (they are generating), then prompts in the
//! order of their arrival, then requests that wait.
//!
//! When the cache is full, finished sequences that were only kept for their prefixes go first; then
//! the request that came last gives its place back and is computed again later. The one that came
//! first is never touched and fits alone, so it always ends, and so does each after it.

use std::collections::VecDeque;

use super::prefix_cache::{PrefixCache, common_prefix};
use super::request::RequestId;
use super::sequence::Sequence;
use crate::kv_cache::{BLOCK, KvCache, SequenceId};

/// A running sequence's share of a step: its next `tokens` tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Its index among the running.
    pub(super) index: usize,
    pub(super) tokens: usize,
}

/// Requests that wait and requests that run, each in the order of their arrival.
#[derive(Debug)]
pub(super) struct Scheduler {
    waiting: VecDeque<Sequence>,
    pub(super) running: Vec<Sequence>,
    pub(super) prefixes: PrefixCache,
    max_running: usize,
    step_tokens: usize,
}

impl Scheduler {
    pub(super) fn new(max_running: usize, step_tokens: usize) -> Self {
        let step_tokens = step_tokens.max(1);
        Scheduler {
            waiting: VecDeque::new(),
            running: Vec::new(),
            prefixes: PrefixCache::default(),
            // So that each of the running can have a token in every step.
            max_running: max_running.clamp(1, step_tokens),
            step_tokens,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn submit(&mut self, sequence: Sequence) {
        self.waiting.push_back(sequence);
    }

    /// Takes a request out, with its place in the cache given back.
    pub(super) fn remove(&mut self, id: RequestId, cache: &mut KvCache) -> Option<Sequence> {
        if let Some(i) = self.waiting.iter().position(|sequence| sequence.id == id) {
            return self.waiting.remove(i);
        }
        let i = self.running.iter().position(|sequence| sequence.id == id)?;
        let mut sequence = self.running.remove(i);
        cache.close(sequence.cached.take().expect("a running sequence is in the cache"));
        Some(sequence)
    }

    /// Takes a running sequence out that has ended; what it has computed is kept for others.
    pub(super) fn retire(&mut self, id: RequestId, cache: &mut KvCache) -> Option<Sequence> {
        let i = self.running.iter().position(|sequence| sequence.id == id)?;
        let mut sequence = self.running.remove(i);
        let cached = sequence.cached.take().expect("a running sequence is in the cache");
        let tokens = sequence.tokens[..cache.len(cached)].to_vec();
        self.prefixes.keep(tokens, cached, cache);
        Some(sequence)
    }

    /// Hands out the next step. Every share has its room in the cache.
    pub(super) fn plan(&mut self, cache: &mut KvCache) -> Vec<Share> {
        let mut plan = Vec::new();
        let mut budget = self.step_tokens;
        let before = self.running.len();
        for generating in [true, false] {
            let mut index = 0;
            while index < self.running.len() && budget > 0 {
                let pending = self.running[index].pending(cache);
                if (pending == 1) == generating {
                    let tokens = pending.min(budget);
                    if self.make_room(index, tokens, cache, &mut plan) {
                        plan.push(Share { index, tokens });
                        budget -= tokens;
                    }
                }
                index += 1;
            }
        }
        let preempted = self.running.len() < before;
        while !preempted && budget > 0 && self.running.len() < self.max_running {
            let Some(tokens) = self.admit(budget, cache) else { break };
            plan.push(Share { index: self.running.len() - 1, tokens });
            budget -= tokens;
        }
        plan
    }

    /// Reserves room for a running sequence, at the cost of kept sequences and then of those that
    /// came later. False if it was itself the last and had to go.
    fn make_room(
        &mut self,
        index: usize,
        tokens: usize,
        cache: &mut KvCache,
        plan: &mut Vec<Share>,
    ) -> bool {
        let sequence = self.running[index].cached.expect("a running sequence is in the cache");
        while cache.reserve(sequence, tokens).is_err() {
            if self.prefixes.evict(cache) {
                continue;
            }
            let last = self.running.len() - 1;
            plan.retain(|share| share.index != last);
            let mut preempted = self.running.pop().expect("it is running itself");
            cache.close(preempted.cached.take().expect("a running sequence is in the cache"));
            preempted.usage.preemptions += 1;
            self.waiting.push_front(preempted);
            if last == index {
                return false;
            }
        }
        true
    }

    /// Starts the request that has waited longest, if the cache has room for all its tokens.
    /// Returns its share of the step.
    fn admit(&mut self, budget: usize, cache: &mut KvCache) -> Option<usize> {
        let tokens = &self.waiting.front()?.tokens;
        // The last token is computed in any case: its logits are what is asked for.
        let known = tokens[..tokens.len() - 1].to_vec();
        let (cached, reused) = match self.longest_match(&known, cache) {
            Some((donor, len)) => (cache.fork(donor, len), len),
            None => (cache.open(), 0),
        };
        let pending = known.len() + 1 - reused;
        while cache.new_blocks(cached, pending) * BLOCK > cache.free_positions() {
            if !self.prefixes.evict(cache) {
                cache.close(cached);
                return None;
            }
        }
        let tokens = pending.min(budget);
        cache.reserve(cached, tokens).expect("there is room for more than that");
        let mut sequence = self.waiting.pop_front()?;
        sequence.cached = Some(cached);
        sequence.usage.reused = sequence.usage.reused.max(reused.min(sequence.usage.prompt));
        self.running.push(sequence);
        Some(tokens)
    }

    /// The sequence in the cache, kept or running, that shares most of `tokens`' beginning.
    fn longest_match(&mut self, tokens: &[u32], cache: &KvCache) -> Option<(SequenceId, usize)> {
        let kept = self.prefixes.longest_match(tokens);
        let running = self.running.iter().filter_map(|sequence| {
            let cached = sequence.cached?;
            let len = common_prefix(&sequence.tokens[..cache.len(cached)], tokens);
            (len > 0).then_some((cached, len))
        });
        kept.into_iter().chain(running).max_by_key(|&(_, len)| len)
    }
}
