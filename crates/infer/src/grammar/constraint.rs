//! A grammar at work on one sequence.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llguidance::Matcher;

use super::completion::Completion;
use crate::error::InferError;

/// Characters of llguidance's words that are passed on.
const MAX_REASON: usize = 300;

/// A grammar and how far a sequence has come in it.
pub(crate) struct Constraint {
    matcher: Mutex<Matcher>,
    end: u32,
    completion: Arc<Completion>,
    /// Tokens that complete the text, as they were last found.
    known: Mutex<Vec<u32>>,
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constraint").finish_non_exhaustive()
    }
}

/// Whether these tokens complete the text.
fn completes(matcher: &Matcher, path: &[u32]) -> bool {
    let mut matcher = matcher.clone();
    matcher.consume_tokens(path).is_ok() && matcher.is_accepting().unwrap_or(false)
}

fn invalid(said: impl fmt::Display) -> InferError {
    InferError::InvalidGrammar { reason: reason(&said.to_string()) }
}

/// What llguidance says, for people: without excerpts, states and traces, which follow in further
/// lines.
pub(super) fn reason(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    // It names states where it could say what they mean.
    if line.contains("NoExtension") {
        return "no text can follow it".to_string();
    }
    match line.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_string(),
    }
}

impl Constraint {
    /// A grammar at the beginning of a text. `end` stands for the text's end.
    pub(super) fn new(matcher: Matcher, end: u32, completion: Arc<Completion>) -> Self {
        Constraint { matcher: Mutex::new(matcher), end, completion, known: Mutex::default() }
    }

    fn matcher(&self) -> MutexGuard<'_, Matcher> {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes tokens impossible with which no text of the grammar can go on. Where it may end, the
    /// tokens `ends` are possible.
    ///
    /// # Errors
    ///
    /// [`InferError::InvalidGrammar`] if nothing is possible, or the grammar turns out to be too
    /// large.
    pub(crate) fn allow(&self, logits: &mut [f32], ends: &[u32]) -> Result<(), InferError> {
        let mask = self.matcher().compute_mask_or_eos().map_err(invalid)?;
        let may_end = mask.is_allowed(self.end);
        let mut any = false;
        for (id, logit) in logits.iter_mut().enumerate() {
            let id = id as u32;
            let is_allowed = match ends.contains(&id) {
                true => may_end,
                false => id < self.end && mask.is_allowed(id),
            };
            match is_allowed {
                true => any = true,
                false => *logit = f32::NEG_INFINITY,
            }
        }
        if any { Ok(()) } else { Err(invalid("no token of the vocabulary can follow")) }
    }

    /// The token that leads to the end of the text, if with `token` it could not be completed in
    /// `left` more, and with the other it can.
    pub(crate) fn closing(&self, token: u32, left: usize) -> Option<u32> {
        let now = self.matcher();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = now.clone();
        if after.consume_token(token).is_ok() {
            // Mostly what completed the text before completes it still, less the token if that was
            // its first one.
            let rest = known.strip_prefix(&[token]).unwrap_or(&known).to_vec();
            let path = match rest.len() <= left && completes(&after, &rest) {
                true => Some(rest),
                false => self.completion.shortest(&after, left),
            };
            if let Some(path) = path {
                *known = path;
                return None;
            }
        }
        if known.len() > left + 1 || !completes(&now, &known) {
            *known = self.completion.shortest(&now, left + 1)?;
        }
        if known.is_empty() { None } else { Some(known.remove(0)) }
    }

    /// Goes on with a token that is no end. Says whether the text is complete and nothing can follow.
    pub(crate) fn push(&mut self, token: u32) -> Result<bool, InferError> {
        let mut matcher = self.matcher();
        matcher.consume_token(token).map_err(invalid)?;
        Ok(matcher.is_stopped())
    }
}
