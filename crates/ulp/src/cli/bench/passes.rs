//! Passes of one kind, timed.

use crate::cli::plan::own_memory;
use std::time::Instant;
use ulp_infer::{
    Activations, InferError, Input, KvCache, LogitRows, Model, ModelPlan, Precision, SequenceId,
    Workspace,
};

/// Positions that are prepared in one pass.
const PREPARED: usize = 512;

/// `steps` passes of `tokens` tokens for each of some sequences, after `depth` positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passes {
    pub(super) sequences: usize,
    pub(super) depth: usize,
    pub(super) tokens: usize,
    pub(super) steps: usize,
}

impl Passes {
    /// The usual short name.
    pub(super) fn name(&self) -> String {
        let kind = match self.steps {
            1 if self.tokens > 1 => format!("pp{}", self.tokens),
            steps => format!("tg{steps}"),
        };
        match self.sequences {
            1 => kind,
            n => format!("{kind} x {n}"),
        }
    }

    /// Positions of each sequence at the end.
    pub(super) fn positions(&self) -> usize {
        self.depth.saturating_add(self.tokens.saturating_mul(self.steps))
    }

    /// Tokens of all passes.
    pub(super) fn all_tokens(&self) -> usize {
        self.sequences * self.tokens * self.steps
    }

    /// The flag that makes it as large as it is.
    pub(super) fn flag(&self) -> &'static str {
        match self {
            Passes { sequences: 2.., .. } => "--parallel",
            Passes { depth, tokens, steps, .. } if *depth > tokens.saturating_mul(*steps) => "-d",
            Passes { tokens: 2.., .. } => "-p",
            _ => "-n",
        }
    }

    /// Bytes that the cache and the work space should take; `usize::MAX` where they are more.
    pub(super) fn bytes(&self, plan: &ModelPlan) -> usize {
        let prepared = if self.depth > 0 { self.depth.min(PREPARED) } else { 0 };
        let rows = self.sequences.saturating_mul(self.tokens.max(prepared));
        let cache = plan.cache_bytes(self.sequences, self.positions());
        cache.saturating_add(plan.workspace_bytes(rows, self.sequences))
    }

    /// Seconds for all passes, once for each repetition, sorted; and what the process had of its own
    /// while cache and work space were there.
    pub(super) fn measure(
        &self,
        model: &Model,
        precision: Precision,
        repetitions: u32,
    ) -> Result<(Vec<f64>, Option<usize>), InferError> {
        let block = self.positions().next_multiple_of(64);
        let Precision { activations, cache } = precision;
        let mut cache = KvCache::of_type(model.cache_shape(), cache, self.sequences * block);
        let factors = model.rope_factors(self.positions());
        let open = |_| cache.open_with(factors);
        let sequences: Vec<SequenceId> = (0..self.sequences).map(open).collect();
        let mut run = Run { model, activations, cache, sequences, workspace: Workspace::new() };
        let mut next = 0;
        while next < self.depth {
            let tokens = (self.depth - next).min(PREPARED);
            run.pass(next, tokens, LogitRows::None)?;
            next += tokens;
        }
        let mut seconds = Vec::new();
        for repetition in 0..=repetitions {
            run.back_to(self.depth);
            let start = Instant::now();
            for step in 0..self.steps {
                run.pass(self.depth + step * self.tokens, self.tokens, LogitRows::Last)?;
            }
            if repetition > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        seconds.sort_by(f64::total_cmp);
        Ok((seconds, own_memory()))
    }
}

struct Run<'a> {
    model: &'a Model,
    activations: Activations,
    cache: KvCache,
    sequences: Vec<SequenceId>,
    workspace: Workspace,
}

impl Run<'_> {
    fn back_to(&mut self, depth: usize) {
        for &sequence in &self.sequences {
            self.cache.truncate(sequence, depth);
        }
    }

    /// The ids are arbitrary: a pass costs the same whatever they say.
    fn pass(&mut self, first: usize, n: usize, logits: LogitRows) -> Result<(), InferError> {
        let vocabulary = self.model.vocab_size();
        let ids: Vec<u32> =
            (first..first + n).map(|i| (i * 7919 % vocabulary.min(1000)) as u32).collect();
        let input = |&sequence| Input { sequence, tokens: &ids, logits };
        let batch: Vec<Input<'_>> = self.sequences.iter().map(input).collect();
        self.model.forward(&batch, &mut self.cache, self.activations, &mut self.workspace)?;
        Ok(())
    }
}
