//! A grammar at work on one sequence.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};

use super::Grammar;
use super::completion::Completion;
use crate::error::InferError;
use crate::tokenizer::Tokenizer;

/// What grammars share: the vocabulary in the form in which they are matched with it, made when the
/// first one comes.
#[derive(Default)]
pub(crate) struct Grammars {
    vocabulary: Option<Vocabulary>,
}

struct Vocabulary {
    factory: ParserFactory,
    /// Stands for the end of the text; no token has this id.
    end: u32,
    completion: Arc<Completion>,
}

/// A grammar and how far a sequence has come in it.
pub(crate) struct Constraint {
    matcher: Mutex<Matcher>,
    end: u32,
    completion: Arc<Completion>,
    /// Tokens that complete the text, as they were last found.
    known: Mutex<Vec<u32>>,
}

impl fmt::Debug for Grammars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammars").finish_non_exhaustive()
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constraint").finish_non_exhaustive()
    }
}

impl Grammars {
    /// # Errors
    ///
    /// [`InferError::InvalidGrammar`].
    pub(crate) fn compile(
        &mut self,
        grammar: &Grammar,
        tokenizer: &Tokenizer,
    ) -> Result<Constraint, InferError> {
        if self.vocabulary.is_none() {
            self.vocabulary = Some(vocabulary(tokenizer)?);
        }
        let Vocabulary { factory, end, completion } =
            self.vocabulary.as_ref().expect("it was made just now");
        let grammar = match grammar {
            Grammar::JsonSchema(schema) => {
                let schema = serde_json::from_str(schema).map_err(invalid)?;
                TopLevelGrammar::from_json_schema(schema)
            }
            Grammar::Regex(regex) => TopLevelGrammar::from_regex(regex),
            Grammar::Lark(lark) => TopLevelGrammar::from_lark(lark.clone()),
        };
        let matcher = Matcher::new(factory.create_parser(grammar));
        if let Some(reason) = matcher.get_error() {
            return Err(InferError::InvalidGrammar { reason });
        }
        Ok(Constraint {
            matcher: Mutex::new(matcher),
            end: *end,
            completion: Arc::clone(completion),
            known: Mutex::default(),
        })
    }
}

/// Whether these tokens complete the text.
fn completes(matcher: &Matcher, path: &[u32]) -> bool {
    let mut matcher = matcher.clone();
    matcher.consume_tokens(path).is_ok() && matcher.is_accepting().unwrap_or(false)
}

fn invalid(reason: impl fmt::Display) -> InferError {
    InferError::InvalidGrammar { reason: reason.to_string() }
}

fn vocabulary(tokenizer: &Tokenizer) -> Result<Vocabulary, InferError> {
    let end = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX - 1);
    let mut words: Vec<Vec<u8>> = (0..end)
        .map(|id| match tokenizer.is_special(id) || tokenizer.is_eog(id) {
            // Marks are no text: without bytes they match nothing.
            true => Vec::new(),
            false => tokenizer.token_bytes(id),
        })
        .collect();
    let completion = Arc::new(Completion::new(&words));
    let special = TokTrie::SPECIAL_TOKEN_MARKER;
    words.push([&[special], &b"<end of the text>"[..]].concat());
    let trie = TokTrie::from(&TokRxInfo::new(end + 1, end), &words);
    let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
    let mut factory = ParserFactory::new_simple(&env).map_err(invalid)?;
    factory.quiet();
    Ok(Vocabulary { factory, end, completion })
}

impl Constraint {
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
