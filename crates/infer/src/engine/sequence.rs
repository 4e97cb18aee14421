//! A request on its way: the tokens that are known, and the text that has come of them.

use std::borrow::Cow;

use super::event::{Event, FinishReason, Finished, PromptToken, TokenEvent, Usage};
use super::options::Policy;
use super::prefix_cache::Family;
use super::queue::MAX_OVERTAKEN;
use super::request::{Request, RequestId};
use super::speculation::Acceptance;
use super::stop::StopStrings;
use crate::error::InferError;
use crate::grammar::Constraint;
use crate::kv_cache::{KvCache, RopeFactors, SequenceId};
use crate::model::LoraAdapter;
use crate::sampler::{LogProbabilities, SamplerState, TokenLogProbability};
use crate::tokenizer::{TokenStream, Tokenizer};

/// A request that has been accepted.
///
/// It has known tokens (the prompt and what was generated) and computed ones (those in the cache);
/// all that a step does is to let the second catch up with the first.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) id: RequestId,
    request: Request,
    /// The prompt, then what was generated.
    pub(super) tokens: Vec<u32>,
    /// The number of tokens at which it ends.
    limit: usize,
    /// The number of tokens up to which its keys are turned with the short factors.
    short_context: usize,
    /// Its place in the cache while it runs.
    pub(super) cached: Option<SequenceId>,
    text: TokenStream,
    stop: StopStrings,
    sampler_state: SamplerState,
    /// Tokens of the prompt whose probability is known, if that is asked for.
    prompt_scores: Vec<PromptToken>,
    pub(super) usage: Usage,
    pub(super) acceptance: Acceptance,
    /// The grammar of its text.
    constraint: Option<Constraint>,
    /// The budget has chosen a token in the grammar's place.
    is_led_to_its_end: bool,
    /// How many later requests went before it.
    pub(super) overtaken: usize,
    priority: i32,
}

/// A sampled token and what the model thought of it.
#[derive(Debug)]
pub(super) struct Choice {
    id: u32,
    logprob: f32,
    top: Vec<TokenLogProbability>,
    /// What sampling remembers from here on.
    state: SamplerState,
    /// The sampler chose another, with which the text could not have been completed.
    is_led: bool,
}

/// Tokens before the end of a budget from which on a text with a grammar is led to its end.
const CLOSING: usize = 256;

impl Sequence {
    /// A sequence that ends with `context` tokens at the latest.
    pub(super) fn new(
        id: RequestId,
        mut request: Request,
        policy: Policy,
        context: usize,
        tokenizer: &Tokenizer,
    ) -> Self {
        // The prompt goes through the decoder too: a character may begin in it, and the space
        // before the first word of an answer is not the one before a text.
        let mut text = tokenizer.stream();
        for &token in &request.prompt {
            text.push(token);
        }
        let tokens = std::mem::take(&mut request.prompt);
        Sequence {
            id,
            limit: tokens.len().saturating_add(request.max_tokens).min(context),
            short_context: usize::MAX,
            cached: None,
            text,
            stop: StopStrings::new(&request.stop),
            sampler_state: SamplerState::default(),
            prompt_scores: Vec::new(),
            usage: Usage { prompt: tokens.len(), ..Usage::default() },
            acceptance: Acceptance::default(),
            constraint: None,
            is_led_to_its_end: false,
            overtaken: 0,
            priority: if policy == Policy::Priority { request.priority } else { 0 },
            tokens,
            request,
        }
    }

    /// The same with a grammar for its text.
    pub(super) fn constrained(mut self, constraint: Option<Constraint>) -> Self {
        self.constraint = constraint;
        self
    }

    /// The same for a model whose long factors begin after this many tokens.
    pub(super) fn short_up_to(mut self, short_context: usize) -> Self {
        self.short_context = short_context;
        self
    }

    /// Whether its text has a grammar: what may follow is known one token ahead only.
    pub(super) fn is_constrained(&self) -> bool {
        self.constraint.is_some()
    }

    /// The adapter it runs with.
    pub(super) fn adapter(&self) -> Option<&LoraAdapter> {
        self.request.adapter.as_deref()
    }

    /// Which adapter it runs with, and the factors for its length: only sequences that have both
    /// in common share blocks.
    pub(super) fn family(&self) -> Family {
        Family { adapter: self.adapter().map(LoraAdapter::number), factors: self.factors() }
    }

    /// The factors that its keys are to be turned with.
    pub(super) fn factors(&self) -> RopeFactors {
        RopeFactors::of(self.tokens.len(), self.short_context)
    }

    /// Tokens that may be guessed at most: the token after the last of them is generated, too, and
    /// the logits for all have to come from the same factors.
    pub(super) fn guessable(&self) -> usize {
        let left = self.left().saturating_sub(1);
        match self.factors() {
            RopeFactors::Short => left.min(self.short_context - self.tokens.len()),
            RopeFactors::Long => left,
        }
    }

    pub(super) fn priority(&self) -> i32 {
        self.priority
    }

    /// Whether it has been overtaken so often that it goes next.
    pub(super) fn is_overdue(&self) -> bool {
        self.overtaken >= MAX_OVERTAKEN
    }

    /// Where it stands among the running: the larger gives way first.
    pub(super) fn rank(&self) -> (bool, i64, RequestId) {
        (!self.is_overdue(), -i64::from(self.priority), self.id)
    }

    /// Takes a place in the cache, which holds its first `reused` tokens.
    pub(super) fn enter_cache(&mut self, cached: SequenceId, reused: usize) {
        self.cached = Some(cached);
        if self.usage.steps == 0 {
            self.usage.reused = reused;
        }
    }

    /// Its place in the cache, which every running sequence has.
    pub(super) fn in_cache(&self) -> SequenceId {
        self.cached.expect("a running sequence is in the cache")
    }

    /// Gives up its place in the cache, which the caller closes or keeps.
    pub(super) fn leave_cache(&mut self) -> SequenceId {
        self.cached.take().expect("a running sequence is in the cache")
    }

    /// Tokens that are known and not computed.
    pub(super) fn pending(&self, cache: &KvCache) -> usize {
        self.tokens.len() - self.cached.map_or(0, |sequence| cache.len(sequence))
    }

    /// Tokens that may still be generated.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.tokens.len())
    }

    /// Whether there is nothing to generate.
    pub(super) fn is_at_limit(&self) -> bool {
        self.tokens.len() >= self.limit
    }

    /// Whether there is nothing to compute.
    pub(super) fn is_over(&self) -> bool {
        self.is_at_limit() && !self.wants_prompt_scores()
    }

    /// Whether some token of the prompt has still to be scored.
    pub(super) fn wants_prompt_scores(&self) -> bool {
        self.request.prompt_logprobs && self.prompt_scores.len() < self.usage.prompt
    }

    /// Tokens that need not be computed if they are in the cache. The last is computed in any case:
    /// its logits are what is asked for; and so is whatever has to be scored.
    pub(super) fn reusable(&self) -> &[u32] {
        let end = match self.wants_prompt_scores() {
            true => self.prompt_scores.len().saturating_sub(1),
            false => self.tokens.len() - 1,
        };
        &self.tokens[..end]
    }

    /// Scores the tokens of the prompt that follow positions from `first` on, of which `rows` are
    /// the logits. What has been scored before is left out.
    pub(super) fn score_prompt<'a>(
        &self,
        first: usize,
        rows: impl Iterator<Item = &'a [f32]>,
    ) -> Result<Vec<PromptToken>, InferError> {
        let known = self.prompt_scores.len();
        let mut scores = Vec::new();
        if known == 0 {
            scores.push(PromptToken { id: self.tokens[0], logprob: None, top: Vec::new() });
        }
        for (index, logits) in (first + 1..self.usage.prompt).zip(rows) {
            if index >= known {
                let row = LogProbabilities::checked(logits)?;
                let id = self.tokens[index];
                let top = row.top(self.request.top_logprobs);
                scores.push(PromptToken { id, logprob: Some(row.of(id)), top });
            }
        }
        Ok(scores)
    }

    /// Takes scores down. Returns all of them when they are complete.
    pub(super) fn add_prompt_scores(
        &mut self,
        scores: Vec<PromptToken>,
    ) -> Option<Vec<PromptToken>> {
        self.prompt_scores.extend(scores);
        let complete = self.prompt_scores.len() == self.usage.prompt;
        complete.then(|| self.prompt_scores.clone())
    }

    /// Chooses the tokens that follow the known ones: of each row of logits one, as long as each
    /// row's guess (the rows but the last have one) is the token that was chosen.
    pub(super) fn choose<'a>(
        &self,
        rows: impl Iterator<Item = &'a [f32]>,
        draft: &[u32],
        ends: &[u32],
    ) -> Result<Vec<Choice>, InferError> {
        let Request { sampler, stream, top_logprobs, .. } = &self.request;
        let mut choices = Vec::new();
        let mut history = Vec::new();
        if sampler.needs_history() {
            history.clone_from(&self.tokens);
        }
        let mut state = self.sampler_state;
        for (i, logits) in rows.enumerate() {
            // The random number belongs to the place in the sequence: a sequence that is started
            // again half way goes on as if it had never stopped.
            let position = (self.tokens.len() + i) as u64;
            let mut possible = Cow::Borrowed(logits);
            if let Some(constraint) = &self.constraint {
                constraint.allow(possible.to_mut(), ends)?;
            }
            let mut id =
                sampler.sample_after(&possible, &history, &mut state, *stream, position)?;
            let closing = self.closing(id, ends);
            let is_led = closing.is_some();
            id = closing.unwrap_or(id);
            history.push(id);
            let row = LogProbabilities::new(logits);
            let (logprob, top) = (row.of(id), row.top(*top_logprobs));
            choices.push(Choice { id, logprob, top, state, is_led });
            if draft.get(i) != Some(&id) {
                break;
            }
        }
        Ok(choices)
    }

    /// The token to take in the place of one with which the text could not be completed within the
    /// budget.
    fn closing(&self, id: u32, ends: &[u32]) -> Option<u32> {
        let left = self.left();
        let constraint = self.constraint.as_ref().filter(|_| left <= CLOSING)?;
        if ends.contains(&id) { None } else { constraint.closing(id, left.saturating_sub(1)) }
    }

    /// Appends chosen tokens up to the end of the sequence; says what to report and whether it has
    /// ended.
    pub(super) fn extend(
        &mut self,
        choices: Vec<Choice>,
        drafted: usize,
        tokenizer: &Tokenizer,
        events: &mut Vec<Event>,
    ) -> Option<FinishReason> {
        self.acceptance.record(drafted, choices.len() - 1);
        self.usage.drafted += drafted;
        for (i, choice) in choices.into_iter().enumerate() {
            // The first choice is the step's own; each further one was guessed.
            self.usage.accepted += usize::from(i > 0);
            let (event, reason) = self.push(choice, tokenizer);
            events.push(Event::Token(event));
            if reason.is_some() {
                return reason;
            }
        }
        None
    }

    /// Appends a token; says what to report and whether the sequence has ended.
    fn push(
        &mut self,
        choice: Choice,
        tokenizer: &Tokenizer,
    ) -> (TokenEvent, Option<FinishReason>) {
        let Choice { id, logprob, top, state, is_led } = choice;
        self.is_led_to_its_end |= is_led;
        self.tokens.push(id);
        self.sampler_state = state;
        self.usage.generated += 1;
        let mut event = TokenEvent { request: self.id, id, text: String::new(), logprob, top };
        let ignores = self.request.ignore_eog && self.constraint.is_none();
        let ends = tokenizer.is_eog(id) && !ignores;
        if ends || self.request.stop_ids.contains(&id) {
            let reason = match self.is_led_to_its_end {
                true => FinishReason::Length,
                false => FinishReason::EndOfGeneration,
            };
            return (event, Some(reason));
        }
        // A token that was possible is one that the grammar takes.
        let is_complete = self.constraint.as_mut().is_some_and(|c| c.push(id).unwrap_or(true));
        let piece = self.text.push(id);
        let (text, stopped) = self.stop.push(&piece);
        event.text = text;
        let reason = match (stopped, self.is_at_limit()) {
            (true, _) => Some(FinishReason::Stop),
            (false, true) => Some(FinishReason::Length),
            (false, false) if is_complete && self.is_led_to_its_end => Some(FinishReason::Length),
            (false, false) if is_complete => Some(FinishReason::EndOfGeneration),
            (false, false) => None,
        };
        (event, reason)
    }

    /// The last event.
    pub(super) fn finish(mut self, reason: FinishReason) -> Event {
        let text = match reason {
            FinishReason::Stop => String::new(),
            _ => {
                let (text, stopped) = self.stop.push(&self.text.finish());
                if stopped { text } else { text + &self.stop.finish() }
            }
        };
        Event::Finished(Finished { request: self.id, text, reason, usage: self.usage })
    }
}
