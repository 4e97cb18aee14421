//! Who computes what in the next step.
//!
//! Every sequence has known tokens and computed tokens; a step hands out a budget of tokens so that
//! the one catches up with the other. A prompt, a part of a prompt, a single new token and a guess
//! to be verified are the same thing. First come those that lack one token (they are generating),
//! then prompts, then requests that wait.
//!
//! When the cache is full, blocks that were only kept for their prefixes go first; then the running
//! request that matters least gives its place back and is computed again later. The one
//! that matters most is never touched and fits alone, so it always ends, and so does each after it.

use std::collections::BTreeMap;

use super::options::EngineOptions;
use super::prefix_cache::{Family, Match, PrefixCache, common_prefix};
use super::queue::Queue;
use super::request::RequestId;
use super::sequence::Sequence;
use super::speculation::Wanted;
use super::stats::{BlockUse, Totals};
use crate::kv_cache::{BLOCK, KvCache, SequenceId};

/// A running sequence's share of a step: its next `tokens` known tokens, then what was guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// Its index among the running.
    pub(super) index: usize,
    pub(super) tokens: usize,
    /// Guesses of the tokens that follow.
    pub(super) draft: Vec<u32>,
}

/// Requests that wait and requests that run.
#[derive(Debug)]
pub(super) struct Scheduler {
    queue: Queue,
    /// Those that matter most first: the order in which they give way, from the end.
    pub(super) running: Vec<Sequence>,
    prefixes: PrefixCache,
    max_running: usize,
    step_tokens: usize,
    max_draft: usize,
    pub(super) totals: Totals,
}

impl Scheduler {
    pub(super) fn new(options: &EngineOptions) -> Self {
        let step_tokens = options.step_tokens.max(1);
        Scheduler {
            queue: Queue::new(options.policy),
            running: Vec::new(),
            prefixes: PrefixCache::default(),
            // So that each of the running can have a token in every step.
            max_running: options.max_running.clamp(1, step_tokens),
            step_tokens,
            max_draft: options.max_draft,
            totals: Totals::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.running.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Who holds each block of the cache.
    pub(super) fn block_map(&self, cache: &KvCache) -> Vec<BlockUse> {
        let running = cache.holders(self.running.iter().filter_map(|sequence| sequence.cached));
        let of = |running| match running {
            0 => BlockUse::Free,
            n => BlockUse::Running(n),
        };
        let mut map: Vec<BlockUse> = running.into_iter().map(of).collect();
        for block in self.prefixes.blocks() {
            let used = &mut map[block.number()];
            if *used == BlockUse::Free {
                *used = BlockUse::Kept;
            }
        }
        map
    }

    pub(super) fn submit(&mut self, sequence: Sequence) {
        self.queue.push(sequence);
    }

    /// Takes a request out that has ended, by itself or not; what it has computed is kept for
    /// others.
    pub(super) fn retire(&mut self, id: RequestId, cache: &mut KvCache) -> Option<Sequence> {
        let Some(mut sequence) = self.stop(id) else { return self.queue.remove(id) };
        self.keep(&mut sequence, cache);
        Some(sequence)
    }

    /// Takes a running request out that has failed, with all that it has computed.
    pub(super) fn discard(&mut self, id: RequestId, cache: &mut KvCache) -> Option<Sequence> {
        let mut sequence = self.stop(id)?;
        cache.close(sequence.leave_cache());
        Some(sequence)
    }

    /// Takes a request out of the running.
    fn stop(&mut self, id: RequestId) -> Option<Sequence> {
        let at = self.running.iter().position(|sequence| sequence.id == id)?;
        Some(self.running.remove(at))
    }

    /// Lets those begin again that have outgrown the factors with which their keys are turned:
    /// they wait for their turn to be computed with the long ones, as after a preemption.
    pub(super) fn restart_outgrown(&mut self, cache: &mut KvCache) {
        let is_outgrown = |s: &Sequence| cache.rope_factors(s.in_cache()) != s.factors();
        let (outgrown, running) = self.running.drain(..).partition(is_outgrown);
        self.running = running;
        let outgrown: Vec<Sequence> = outgrown;
        for mut sequence in outgrown {
            self.keep(&mut sequence, cache);
            self.queue.push(sequence);
        }
    }

    /// Takes a sequence out of the cache, where what it has computed is kept for others.
    fn keep(&mut self, sequence: &mut Sequence, cache: &mut KvCache) {
        let cached = sequence.leave_cache();
        // The last token may be one too many for these factors.
        let family = Family { factors: cache.rope_factors(cached), ..sequence.family() };
        let (tokens, blocks) = (&sequence.tokens[..cache.len(cached)], cache.share(cached));
        cache.close(cached);
        self.prefixes.keep(family, tokens, blocks);
    }

    /// The sequences that are generating, for which guesses are welcome.
    pub(super) fn wanted(&self, cache: &KvCache) -> Vec<Wanted<'_>> {
        let generating = self.running.iter().filter(|s| s.pending(cache) == 1);
        generating
            .filter(|s| !s.is_constrained())
            .map(|s| Wanted {
                request: s.id,
                tokens: &s.tokens,
                n: s.acceptance.reach(self.max_draft).min(s.guessable()),
            })
            .filter(|wanted| wanted.n > 0)
            .collect()
    }

    /// Hands out the next step. Every share has its room in the cache.
    pub(super) fn plan(
        &mut self,
        mut guesses: BTreeMap<RequestId, Vec<u32>>,
        cache: &mut KvCache,
    ) -> Vec<Share> {
        self.running.sort_by_key(Sequence::rank);
        let mut plan = Vec::new();
        let mut budget = self.step_tokens;
        let before = self.running.len();
        self.plan_generating(&mut guesses, &mut budget, cache, &mut plan);
        self.plan_prompts(&mut budget, cache, &mut plan);
        // Who had to go must not come back in the place of one who waits.
        if self.running.len() == before {
            self.plan_waiting(&mut budget, cache, &mut plan);
        }
        plan
    }

    fn plan_generating(
        &mut self,
        guesses: &mut BTreeMap<RequestId, Vec<u32>>,
        budget: &mut usize,
        cache: &mut KvCache,
        plan: &mut Vec<Share>,
    ) {
        // A guess may take what the others' next tokens leave.
        let generating = self.running.iter().filter(|s| s.pending(cache) == 1).count();
        let mut spare = *budget - generating;
        let mut index = 0;
        while index < self.running.len() {
            if self.running[index].pending(cache) == 1 {
                let mut draft = guesses.remove(&self.running[index].id).unwrap_or_default();
                draft.truncate(spare);
                // Nobody has to go for a guess.
                if self.reserve(index, 1 + draft.len(), cache).is_err() {
                    draft.clear();
                }
                if self.make_room(index, 1, cache, plan) {
                    *budget -= 1 + draft.len();
                    spare -= draft.len();
                    plan.push(Share { index, tokens: 1, draft });
                }
            }
            index += 1;
        }
    }

    fn plan_prompts(&mut self, budget: &mut usize, cache: &mut KvCache, plan: &mut Vec<Share>) {
        let mut index = 0;
        while index < self.running.len() && *budget > 0 {
            let pending = self.running[index].pending(cache);
            let tokens = pending.min(*budget);
            if pending > 1 && self.make_room(index, tokens, cache, plan) {
                *budget -= tokens;
                plan.push(Share { index, tokens, draft: Vec::new() });
            }
            index += 1;
        }
    }

    fn plan_waiting(&mut self, budget: &mut usize, cache: &mut KvCache, plan: &mut Vec<Share>) {
        while *budget > 0 && self.running.len() < self.max_running {
            let Some(tokens) = self.admit(*budget, cache) else { break };
            *budget -= tokens;
            plan.push(Share { index: self.running.len() - 1, tokens, draft: Vec::new() });
        }
    }

    fn reserve(&self, index: usize, tokens: usize, cache: &mut KvCache) -> Result<(), ()> {
        cache.reserve(self.running[index].in_cache(), tokens).map_err(|_| ())
    }

    /// Reserves room for a running sequence, at the cost of kept sequences and then of those that
    /// matter less. False if it was itself the last and had to go.
    fn make_room(
        &mut self,
        index: usize,
        tokens: usize,
        cache: &mut KvCache,
        plan: &mut Vec<Share>,
    ) -> bool {
        while self.reserve(index, tokens, cache).is_err() {
            if self.evict() {
                continue;
            }
            let last = self.running.len() - 1;
            plan.retain(|share| share.index != last);
            let mut preempted = self.running.pop().expect("it is running itself");
            // What of it is not needed waits for its return.
            self.keep(&mut preempted, cache);
            preempted.usage.preemptions += 1;
            self.totals.preemptions += 1;
            self.queue.push(preempted);
            if last == index {
                return false;
            }
        }
        true
    }

    /// Starts the request whose turn it is, if the cache has room for all its tokens. Returns its
    /// share of the step.
    fn admit(&mut self, budget: usize, cache: &mut KvCache) -> Option<usize> {
        let (id, beginning) = self.next(cache)?;
        let mut sequence = self.queue.take(id)?;
        let reused = beginning.len();
        let cached = match &beginning {
            Beginning::Running(donor, len) => cache.fork(*donor, *len),
            Beginning::Kept(found) => {
                cache.open_on(self.prefixes.take(found), found.len, sequence.factors())
            }
        };
        let pending = sequence.tokens.len() - reused;
        let mut lacking = self.lacking(cached, pending, cache);
        if let (1, Beginning::Kept(found)) = (lacking, &beginning)
            && self.prefixes.can_hand_over(found)
        {
            // What it lacks is a block to copy the last of its beginning into.
            while self.evict() {}
            self.prefixes.hand_over(found);
            lacking = self.lacking(cached, pending, cache);
        }
        if lacking > 0 || !self.free(cached, pending, cache) {
            cache.close(cached);
            self.queue.push(sequence);
            return None;
        }
        let tokens = pending.min(budget);
        cache.reserve(cached, tokens).expect("there is room for more than that");
        if sequence.usage.steps == 0 {
            self.totals.prompt_tokens += sequence.tokens.len() as u64;
            self.totals.reused_tokens += reused as u64;
        }
        sequence.enter_cache(cached, reused);
        self.running.push(sequence);
        Some(tokens)
    }

    /// Blocks that a sequence would lack for so many more tokens if nothing were kept.
    fn lacking(&self, cached: SequenceId, tokens: usize, cache: &KvCache) -> usize {
        let new = cache.new_blocks(cached, tokens);
        match new.saturating_sub(cache.free_positions() / BLOCK) {
            0 => 0,
            lacking => lacking.saturating_sub(self.prefixes.unused()),
        }
    }

    /// Frees blocks until a sequence has room for so many more tokens. False if it gets no room.
    fn free(&mut self, cached: SequenceId, tokens: usize, cache: &KvCache) -> bool {
        while cache.new_blocks(cached, tokens) * BLOCK > cache.free_positions() {
            if !self.evict() {
                return false;
            }
        }
        true
    }

    fn evict(&mut self) -> bool {
        let evicted = self.prefixes.evict();
        self.totals.evictions += u64::from(evicted);
        evicted
    }

    /// Whose turn it is, and where most of its beginning lies in the cache.
    fn next(&self, cache: &KvCache) -> Option<(RequestId, Beginning)> {
        let turns = self.queue.turns(|waiting| self.longest_match(waiting, cache).len());
        turns.into_iter().find_map(|sequence| {
            let found = self.longest_match(sequence, cache);
            // What a running prompt is about to compute is not computed twice.
            let own = sequence.reusable();
            let family = self.running.iter().filter(|s| s.family() == sequence.family());
            let coming = family.map(|s| common_prefix(&s.tokens, own));
            let wait = coming.max().is_some_and(|coming| coming >= found.len() + BLOCK);
            (!wait).then_some((sequence.id, found))
        })
    }

    /// The most of the beginning of a waiting sequence that need not be computed.
    fn longest_match(&self, waiting: &Sequence, cache: &KvCache) -> Beginning {
        let (tokens, family) = (waiting.reusable(), waiting.family());
        let related = self.running.iter().filter(|sequence| sequence.family() == family);
        let running = related.filter_map(|sequence| {
            let cached = sequence.cached?;
            let len = common_prefix(&sequence.tokens[..cache.len(cached)], tokens);
            Some(Beginning::Running(cached, len))
        });
        let kept = Beginning::Kept(self.prefixes.longest_match(family, tokens));
        match running.max_by_key(Beginning::len) {
            Some(running) if running.len() > 0 && running.len() >= kept.len() => running,
            _ => kept,
        }
    }
}

/// Where the beginning of a sequence lies in the cache.
#[derive(Debug)]
enum Beginning {
    /// In the place of a running sequence, of which it is so many tokens.
    Running(SequenceId, usize),
    /// In blocks that are kept, perhaps in none.
    Kept(Match),
}

impl Beginning {
    fn len(&self) -> usize {
        match self {
            Beginning::Running(_, len) => *len,
            Beginning::Kept(found) => found.len,
        }
    }
}
