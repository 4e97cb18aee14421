//! Many requests on one model.
//!
//! A step is: schedule, forward, sample, report. The engine owns no thread, reads no clock and does
//! no input or output, so a sequence of calls can be replayed.
//!
//! The same bits: a request's tokens and log-probabilities depend on the request alone, not on what
//! else is in the batch, how its prompt is cut, whether its beginning was in the cache, whether it
//! was preempted, or the number of threads.

mod event;
mod options;
mod prefix_cache;
mod queue;
mod request;
mod scheduler;
mod sequence;
mod speculation;
mod stats;
mod stop;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::InferError;
use crate::grammar::{CompiledGrammar, GrammarCompiler};
use crate::kv_cache::{BLOCK, KvCache};
use crate::model::{Input, LogitRows, Model, StepShape, Workspace};
use crate::tokenizer::Tokenizer;
pub use event::{Event, FinishReason, Finished, PromptEvent, PromptToken, TokenEvent, Usage};
pub use options::{EngineOptions, Policy};
pub use request::{Request, RequestId};
use scheduler::{Scheduler, Share};
use sequence::{Choice, Sequence};
use speculation::Drafter;
pub use stats::{BlockUse, EngineStats, Totals};

/// Generates for many requests at once on one model.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use ulp_infer::{
///     EncodeOptions, Engine, EngineOptions, Event, Gguf, Model, Request, Tokenizer,
/// };
///
/// let file = Gguf::open("model.gguf")?;
/// let tokenizer = Arc::new(Tokenizer::from_gguf(&file)?);
/// let model = Arc::new(Model::from_gguf(&file)?);
/// let mut engine = Engine::new(model, Arc::clone(&tokenizer), EngineOptions::default());
///
/// let prompt = tokenizer.encode("Once upon a time", EncodeOptions::PROMPT);
/// engine.submit(Request { max_tokens: 50, ..Request::new(prompt) })?;
/// while !engine.is_idle() {
///     for event in engine.step()? {
///         match event {
///             Event::Token(token) => print!("{}", token.text),
///             Event::Finished(end) => println!("{} ({:?})", end.text, end.reason),
///             Event::Prompt(_) => {}
///             Event::Failed { error, .. } => return Err(error),
///         }
///     }
/// }
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    model: Arc<Model>,
    tokenizer: Arc<Tokenizer>,
    options: EngineOptions,
    cache: KvCache,
    workspace: Workspace,
    scheduler: Scheduler,
    drafter: Drafter,
    grammars: GrammarCompiler,
    /// Events that no step has reported yet.
    events: Vec<Event>,
    last_step: StepShape,
    next_id: u64,
}

impl Engine {
    /// An engine without requests.
    pub fn new(model: Arc<Model>, tokenizer: Arc<Tokenizer>, options: EngineOptions) -> Self {
        let context = match options.context {
            0 => model.context(),
            n => n.min(model.context()),
        };
        let positions = options.cache.max(context);
        Engine {
            cache: KvCache::of_type(model.cache_shape(), options.cache_type, positions),
            workspace: Workspace::new(),
            scheduler: Scheduler::new(&options),
            drafter: Drafter::default(),
            grammars: GrammarCompiler::new(Arc::clone(&tokenizer)),
            events: Vec::new(),
            last_step: StepShape::default(),
            next_id: 0,
            options: EngineOptions { context, cache: positions, ..options },
            model,
            tokenizer,
        }
    }

    /// The same engine with a smaller model, whose guesses of the next
    /// [`EngineOptions::max_draft`] tokens it verifies. They make it faster and change no token.
    ///
    /// # Panics
    ///
    /// If the draft has another vocabulary size than the model.
    #[must_use]
    #[track_caller]
    pub fn with_draft(mut self, draft: Arc<Model>) -> Self {
        let (own, theirs) = (self.model.vocab_size(), draft.vocab_size());
        assert!(own == theirs, "a draft of {theirs} tokens for a model of {own}");
        self.drafter = Drafter::model(draft, self.options.cache_type, self.options.cache);
        self
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// The options, with the context and the size of the cache as they came out.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Takes a request in; its tokens come from the following steps.
    ///
    /// # Errors
    ///
    /// [`InferError::EmptyPrompt`], [`InferError::TokenOutOfRange`], [`InferError::ContextFull`] if
    /// the prompt leaves no room for a token, [`InferError::InvalidSampling`],
    /// [`InferError::OtherModelsAdapter`], and those of [`GrammarCompiler::compile`]. Nothing is
    /// taken in then.
    pub fn submit(&mut self, request: Request) -> Result<RequestId, InferError> {
        self.check(&request)?;
        let grammar = request.grammar.as_ref();
        let compiled = grammar.map(|grammar| self.grammars.compile(grammar)).transpose()?;
        Ok(self.take(request, compiled.as_ref()))
    }

    /// Takes a request in whose grammar has been compiled, by [`compiler`](Self::compiler) or for the
    /// same tokenizer; [`Request::grammar`] is not looked at.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit) but for the grammar's.
    ///
    /// # Panics
    ///
    /// If the grammar was compiled for a vocabulary of another size.
    #[track_caller]
    pub fn submit_compiled(
        &mut self,
        request: Request,
        grammar: &CompiledGrammar,
    ) -> Result<RequestId, InferError> {
        let (own, theirs) = (self.tokenizer.vocab_size(), grammar.vocabulary_size());
        assert!(own == theirs, "a grammar for {theirs} tokens and a tokenizer of {own}");
        self.check(&request)?;
        Ok(self.take(request, Some(grammar)))
    }

    /// What compiles grammars for this engine, also on other threads.
    pub fn compiler(&self) -> &GrammarCompiler {
        &self.grammars
    }

    /// Refuses what no step could compute.
    fn check(&self, request: &Request) -> Result<(), InferError> {
        request.sampler.validate()?;
        let (vocabulary, context) = (self.model.vocab_size(), self.options.context);
        if request.prompt.is_empty() {
            return Err(InferError::EmptyPrompt);
        }
        let out = request.prompt.iter().position(|&token| token as usize >= vocabulary);
        if let Some(index) = out {
            let token = request.prompt[index];
            return Err(InferError::TokenOutOfRange { token, index, vocabulary });
        }
        if let Some(adapter) = &request.adapter {
            adapter.check(&self.model)?;
        }
        let needed = request.prompt.len() + usize::from(request.max_tokens > 0);
        if needed > context {
            return Err(InferError::ContextFull { needed, context });
        }
        Ok(())
    }

    /// Takes in a request that was checked.
    fn take(&mut self, request: Request, grammar: Option<&CompiledGrammar>) -> RequestId {
        let context = self.options.context;
        let constraint = grammar.map(CompiledGrammar::constraint);
        let id = RequestId(self.next_id);
        self.next_id += 1;
        let sequence = Sequence::new(id, request, self.options.policy, context, &self.tokenizer);
        let sequence = sequence.short_up_to(self.model.short_context()).constrained(constraint);
        self.scheduler.totals.requests += 1;
        if sequence.is_over() {
            self.events.push(sequence.finish(FinishReason::Length));
        } else {
            self.scheduler.submit(sequence);
        }
        id
    }

    /// Ends a request; the next step reports its end. False if there is no such request (any more).
    ///
    /// Its memory is there for others at once. Until they need it, what the request has computed is
    /// kept for those that begin alike, as that of a request that came to its end.
    pub fn cancel(&mut self, request: RequestId) -> bool {
        let retired = self.scheduler.retire(request, &mut self.cache);
        self.drafter.forget(request);
        let found = retired.is_some();
        self.events.extend(retired.map(|sequence| sequence.finish(FinishReason::Cancelled)));
        found
    }

    /// Whether there is nothing left to do or to report.
    pub fn is_idle(&self) -> bool {
        self.events.is_empty() && self.scheduler.is_empty()
    }

    /// Requests that run.
    pub fn running(&self) -> usize {
        self.scheduler.running.len()
    }

    /// Requests that wait to run.
    pub fn waiting(&self) -> usize {
        self.scheduler.waiting()
    }

    /// Numbers of what it is doing and has done.
    pub fn stats(&self) -> EngineStats {
        let map = self.block_map();
        let count = |is: fn(&BlockUse) -> bool| map.iter().filter(|block| is(block)).count();
        EngineStats {
            waiting: self.waiting(),
            running: self.running(),
            block_positions: BLOCK,
            block_bytes: self.cache.block_bytes(),
            blocks: map.len(),
            blocks_running: count(|block| matches!(block, BlockUse::Running(_))),
            blocks_kept: count(|block| matches!(block, BlockUse::Kept)),
            totals: self.scheduler.totals,
        }
    }

    /// What the last step computed; of one that found nothing to do, zeros. What that takes at least
    /// is [`ModelPlan::cost`](crate::ModelPlan::cost)'s to say.
    pub fn last_step(&self) -> StepShape {
        self.last_step
    }

    /// Who holds each block of the cache, in the order of the blocks.
    pub fn block_map(&self) -> Vec<BlockUse> {
        self.scheduler.block_map(&self.cache)
    }

    /// Positions of the cache in blocks that nobody holds: no request, nor are they kept for their
    /// prefixes.
    pub fn free_positions(&self) -> usize {
        self.cache.free_positions()
    }

    /// Computes up to [`EngineOptions::step_tokens`] tokens and reports what came of it. An idle
    /// engine does nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Model::forward`], none of which a request that was taken in can cause. What is
    /// wrong with a single request is its [`Event::Failed`].
    pub fn step(&mut self) -> Result<Vec<Event>, InferError> {
        let mut events = std::mem::take(&mut self.events);
        self.last_step = StepShape::default();
        let guesses = self.guess()?;
        let plan = self.scheduler.plan(guesses, &mut self.cache);
        if plan.is_empty() {
            return Ok(events);
        }
        let mut ended = Vec::new();
        let outcomes = self.compute(&plan)?;
        self.scheduler.totals.steps += 1;
        for (share, outcome) in plan.iter().zip(outcomes) {
            self.scheduler.totals.computed_tokens += (share.tokens + share.draft.len()) as u64;
            let (request, end) = self.take_in(share, outcome, &mut events);
            ended.extend(end.map(|end| (request, end)));
        }
        for (request, end) in ended {
            self.drafter.forget(request);
            events.extend(self.end(request, end));
        }
        self.scheduler.restart_outgrown(&mut self.cache);
        Ok(events)
    }

    /// Gives a running sequence what its share of a step came to. Says whether that ends it.
    fn take_in(
        &mut self,
        share: &Share,
        outcome: Result<Outcome, InferError>,
        events: &mut Vec<Event>,
    ) -> (RequestId, Option<Result<FinishReason, InferError>>) {
        let sequence = &mut self.scheduler.running[share.index];
        let request = sequence.id;
        sequence.usage.steps += 1;
        let Outcome { scores, choices } = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return (request, Some(Err(error))),
        };
        if let Some(scores) = scores
            && let Some(tokens) = sequence.add_prompt_scores(scores)
        {
            events.push(Event::Prompt(PromptEvent { request, tokens }));
        }
        let Some(choices) = choices else { return (request, None) };
        if sequence.is_at_limit() {
            return (request, Some(Ok(FinishReason::Length)));
        }
        let before = sequence.usage;
        let end = sequence.extend(choices, share.draft.len(), &self.tokenizer, events);
        let (totals, usage) = (&mut self.scheduler.totals, sequence.usage);
        totals.generated_tokens += (usage.generated - before.generated) as u64;
        totals.drafted_tokens += (usage.drafted - before.drafted) as u64;
        totals.accepted_tokens += (usage.accepted - before.accepted) as u64;
        // The newest token is not computed yet, and of the guesses only the right ones stay.
        self.cache.truncate(sequence.in_cache(), sequence.tokens.len() - 1);
        (request, end.map(Ok))
    }

    fn guess(&mut self) -> Result<BTreeMap<RequestId, Vec<u32>>, InferError> {
        let wanted = self.scheduler.wanted(&self.cache);
        let guesses = self.drafter.guess(&wanted)?;
        Ok(wanted.iter().map(|wanted| wanted.request).zip(guesses).collect())
    }

    /// Runs the shares through the model, and chooses tokens for each that has come to the end of
    /// what is known of it.
    fn compute(&mut self, plan: &[Share]) -> Result<Vec<Result<Outcome, InferError>>, InferError> {
        let inputs: Vec<Vec<u32>> = plan.iter().map(|share| self.tokens_of(share)).collect();
        let tasks: Vec<Task<'_>> = plan.iter().map(|share| self.task(share)).collect();
        let mut shape = StepShape::default();
        for (task, tokens) in tasks.iter().zip(&inputs) {
            shape.add(tokens.len(), task.rows, task.first);
        }
        let running = &self.scheduler.running;
        let batch: Vec<Input<'_>> = (tasks.iter().zip(&inputs))
            .map(|(task, tokens)| Input {
                sequence: running[task.share.index].in_cache(),
                tokens,
                logits: LogitRows::Final(task.rows),
            })
            .collect();
        let (model, activations) = (&self.model, self.options.activations);
        let mut adapters: Vec<_> =
            plan.iter().map(|share| running[share.index].adapter()).collect();
        if adapters.iter().all(Option::is_none) {
            adapters.clear();
        }
        let (cache, workspace) = (&mut self.cache, &mut self.workspace);
        let mut rest = model.forward_adapted(&batch, &adapters, cache, activations, workspace)?;
        let v = model.vocab_size();
        let tasks: Vec<(Task<'_>, &[f32])> = (tasks.into_iter())
            .map(|task| {
                let (logits, after) = rest.split_at(task.rows * v);
                rest = after;
                (task, logits)
            })
            .collect();
        self.last_step = shape;
        let ends = self.tokenizer.eog_ids();
        let outcome = |(task, logits): (Task<'_>, &[f32])| {
            task.outcome(&running[task.share.index], logits.chunks_exact(v), ends)
        };
        Ok(tasks.into_par_iter().map(outcome).collect())
    }

    fn task<'a>(&self, share: &'a Share) -> Task<'a> {
        let sequence = &self.scheduler.running[share.index];
        let first = self.cache.len(sequence.in_cache());
        let chooses = share.tokens == sequence.pending(&self.cache);
        let scores = sequence.wants_prompt_scores();
        let rows = match (scores, chooses) {
            (true, _) => share.tokens + share.draft.len(),
            (false, true) => 1 + share.draft.len(),
            // A part of the prompt is left.
            (false, false) => 0,
        };
        Task { share, first, rows, scores, chooses }
    }

    /// The tokens of a share: known ones, then guesses.
    fn tokens_of(&self, share: &Share) -> Vec<u32> {
        let running = &self.scheduler.running[share.index];
        let computed = self.cache.len(running.in_cache());
        let known = &running.tokens[computed..computed + share.tokens];
        [known, &share.draft].concat()
    }

    fn end(&mut self, request: RequestId, end: Result<FinishReason, InferError>) -> Option<Event> {
        match end {
            Ok(reason) => {
                let sequence = self.scheduler.retire(request, &mut self.cache)?;
                Some(sequence.finish(reason))
            }
            Err(error) => {
                self.scheduler.discard(request, &mut self.cache)?;
                Some(Event::Failed { request, error })
            }
        }
    }
}

/// What is to be done with the logits of a share.
struct Task<'a> {
    share: &'a Share,
    /// The position of the share's first token.
    first: usize,
    /// Rows of logits, the share's last ones.
    rows: usize,
    /// Whether tokens of the prompt are to be scored.
    scores: bool,
    /// Whether the tokens that follow are to be chosen.
    chooses: bool,
}

/// What became of a share.
struct Outcome {
    scores: Option<Vec<PromptToken>>,
    choices: Option<Vec<Choice>>,
}

impl Task<'_> {
    fn outcome<'a>(
        &self,
        sequence: &Sequence,
        rows: impl Iterator<Item = &'a [f32]> + Clone,
        ends: &[u32],
    ) -> Result<Outcome, InferError> {
        let scores = self.scores.then(|| sequence.score_prompt(self.first, rows.clone()));
        let next = self.rows.saturating_sub(1 + self.share.draft.len());
        let choices =
            self.chooses.then(|| sequence.choose(rows.skip(next), &self.share.draft, ends));
        Ok(Outcome { scores: scores.transpose()?, choices: choices.transpose()? })
    }
}
