//! The most probable continuations, searched in breadth.

use crate::error::InferError;
use crate::kv_cache::{CacheType, KvCache, SequenceId};
use crate::model::{Input, LogitRows, Model, Workspace};
use crate::quant::Activations;
use crate::sampler::LogProbabilities;

/// How a [`beam_search`] runs. The defaults are those of the transformers library.
#[derive(Debug, Clone, PartialEq)]
pub struct BeamOptions {
    /// Continuations that are followed at once, and returned at most.
    pub width: usize,
    /// Tokens of a continuation at most, the one that ends it among them.
    pub max_tokens: usize,
    /// p of a continuation's score, ln P / length^p: above 0 favours long ones.
    pub length_penalty: f32,
    /// Stop as soon as `width` continuations have ended, though others might become better.
    pub early_stopping: bool,
    /// How activations take part in products with quantized weights.
    pub activations: Activations,
    /// How keys and values are stored.
    pub cache_type: CacheType,
}

impl Default for BeamOptions {
    fn default() -> Self {
        BeamOptions {
            width: 4,
            max_tokens: 20,
            length_penalty: 1.0,
            early_stopping: false,
            activations: Activations::Quantized,
            cache_type: CacheType::F32,
        }
    }
}

/// A continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Beam {
    /// Its tokens, the one that ended it among them.
    pub tokens: Vec<u32>,
    /// ln P of the continuation after the prompt.
    pub logprob: f32,
    /// `logprob` / length^p.
    pub score: f32,
}

/// The continuations of `prompt` of the best scores, best first, by following the `width` most
/// probable ones of each length. `ends` are the tokens that end one.
///
/// A continuation that has ended counts if it is among the `width` best when it ends. The search is
/// over when none that goes on can be better by its present length than the worst of `width` that
/// have ended. Those that go on share their beginnings in the cache. Of equals the one that comes
/// from the better continuation counts more, then the lower id.
///
/// # Errors
///
/// [`InferError::EmptyPrompt`], [`InferError::TokenOutOfRange`], [`InferError::ContextFull`] if the
/// prompt leaves no room for a token, [`InferError::NonFiniteLogit`].
///
/// # Panics
///
/// If the width is 0.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{BeamOptions, Model, beam_search};
///
/// let model = Model::load("model.gguf")?;
/// let options = BeamOptions { width: 3, ..BeamOptions::default() };
/// for beam in beam_search(&model, &[1, 450, 7483], &[2], &options)? {
///     println!("{:?} {}", beam.tokens, beam.score);
/// }
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[track_caller]
pub fn beam_search(
    model: &Model,
    prompt: &[u32],
    ends: &[u32],
    options: &BeamOptions,
) -> Result<Vec<Beam>, InferError> {
    assert!(options.width > 0, "a beam search of width 0");
    let context = model.context();
    if prompt.is_empty() {
        return Err(InferError::EmptyPrompt);
    }
    if prompt.len() >= context {
        return Err(InferError::ContextFull { needed: prompt.len() + 1, context });
    }
    let max_tokens = options.max_tokens.min(context - prompt.len());
    // Each goes on in blocks of its own; while they are replaced there are twice as many.
    let positions = prompt.len() + 2 * options.width * (max_tokens + 128);
    let mut search = Search {
        model,
        ends,
        options,
        max_tokens,
        cache: KvCache::of_type(model.cache_shape(), options.cache_type, positions),
        workspace: Workspace::new(),
        ended: Vec::new(),
    };
    if max_tokens > 0 {
        search.run(prompt)?;
    }
    Ok(search.ended)
}

/// A continuation that goes on.
#[derive(Debug)]
struct Running {
    sequence: SequenceId,
    tokens: Vec<u32>,
    logprob: f32,
}

/// One more token of a running continuation.
#[derive(Debug, Clone, Copy)]
struct Step {
    parent: usize,
    token: u32,
    logprob: f32,
}

struct Search<'a> {
    model: &'a Model,
    ends: &'a [u32],
    options: &'a BeamOptions,
    max_tokens: usize,
    cache: KvCache,
    workspace: Workspace,
    /// The best that have ended, best first.
    ended: Vec<Beam>,
}

impl Search<'_> {
    fn run(&mut self, prompt: &[u32]) -> Result<(), InferError> {
        let sequence = self.cache.open_with(self.model.rope_factors(prompt.len()));
        let mut running = vec![Running { sequence, tokens: Vec::new(), logprob: 0.0 }];
        for length in 1..=self.max_tokens {
            self.restart_outgrown(&mut running, prompt, length - 1)?;
            let steps = self.steps(&running, prompt)?;
            let is_last = length == self.max_tokens;
            self.end(&running, &steps, is_last);
            if is_last {
                break;
            }
            running = self.go_on(running, &steps);
            if running.is_empty() || self.is_over(&running, length) {
                break;
            }
        }
        Ok(())
    }

    /// Where continuations of this length have outgrown the factors with which their keys are
    /// turned, the prompt is computed again with the long ones, for all to go on from.
    fn restart_outgrown(
        &mut self,
        running: &mut [Running],
        prompt: &[u32],
        length: usize,
    ) -> Result<(), InferError> {
        let factors = self.model.rope_factors(prompt.len() + length);
        if running.iter().all(|beam| self.cache.rope_factors(beam.sequence) == factors) {
            return Ok(());
        }
        running.iter().for_each(|beam| self.cache.close(beam.sequence));
        let stem = self.cache.open_with(factors);
        let input = Input { sequence: stem, tokens: prompt, logits: LogitRows::None };
        let (activations, workspace) = (self.options.activations, &mut self.workspace);
        self.model.forward(&[input], &mut self.cache, activations, workspace)?;
        for beam in running {
            beam.sequence = self.cache.fork(stem, prompt.len());
        }
        self.cache.close(stem);
        Ok(())
    }

    /// The best steps of all, best first: enough that `width` of them do not end.
    fn steps(&mut self, running: &[Running], prompt: &[u32]) -> Result<Vec<Step>, InferError> {
        let inputs: Vec<Input<'_>> = running
            .iter()
            .map(|beam| {
                let computed = self.cache.len(beam.sequence);
                let tokens = match computed.checked_sub(prompt.len()) {
                    None => prompt,
                    Some(computed) => &beam.tokens[computed..],
                };
                Input { sequence: beam.sequence, tokens, logits: LogitRows::Last }
            })
            .collect();
        let (activations, workspace) = (self.options.activations, &mut self.workspace);
        let logits = self.model.forward(&inputs, &mut self.cache, activations, workspace)?;
        let keep = self.options.width * (1 + self.ends.len().max(1));
        let mut steps = Vec::new();
        for (parent, logits) in logits.chunks_exact(self.model.vocab_size()).enumerate() {
            let best = LogProbabilities::checked(logits)?.top(keep);
            let logprob = running[parent].logprob;
            let step = |t: crate::sampler::TokenLogProbability| Step {
                parent,
                token: t.id,
                logprob: logprob + t.logprob,
            };
            steps.extend(best.into_iter().map(step));
        }
        // Sorting is stable: of equals the better parent's counts more.
        steps.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
        steps.truncate(keep);
        Ok(steps)
    }

    /// Takes down those of the `width` best steps that end.
    fn end(&mut self, running: &[Running], steps: &[Step], all: bool) {
        let width = self.options.width;
        if self.options.early_stopping && self.ended.len() == width {
            return;
        }
        for step in steps.iter().take(width) {
            if all || self.ends.contains(&step.token) {
                let tokens = [&running[step.parent].tokens[..], &[step.token]].concat();
                let score = self.score(step.logprob, tokens.len());
                self.ended.push(Beam { tokens, logprob: step.logprob, score });
            }
        }
        self.ended.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.ended.truncate(width);
    }

    fn score(&self, logprob: f32, length: usize) -> f32 {
        logprob / (length as f32).powf(self.options.length_penalty)
    }

    /// The `width` best that do not end, each with its place in the cache.
    fn go_on(&mut self, running: Vec<Running>, steps: &[Step]) -> Vec<Running> {
        let steps = steps.iter().filter(|step| !self.ends.contains(&step.token));
        let next: Vec<Running> = steps
            .take(self.options.width)
            .map(|step| {
                let parent = &running[step.parent];
                let len = self.cache.len(parent.sequence);
                Running {
                    sequence: self.cache.fork(parent.sequence, len),
                    tokens: [&parent.tokens[..], &[step.token]].concat(),
                    logprob: step.logprob,
                }
            })
            .collect();
        running.into_iter().for_each(|beam| self.cache.close(beam.sequence));
        next
    }

    /// Whether nothing better is to be expected.
    fn is_over(&self, running: &[Running], length: usize) -> bool {
        if self.ended.len() < self.options.width {
            return false;
        }
        let best = self.score(running[0].logprob, length);
        let worst = self.ended.last().map_or(f32::NEG_INFINITY, |beam| beam.score);
        self.options.early_stopping || best <= worst
    }
}
