//! From the text of a grammar to what follows it token by token.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};

use super::Grammar;
use super::completion::Completion;
use super::constraint::{Constraint, reason};
use super::limits::{expect_small_result, stack_for};
use crate::error::InferError;
use crate::tokenizer::Tokenizer;

/// Compiles grammars for the texts of one tokenizer. Clones share what they have made of its
/// vocabulary, which they do when the first grammar comes.
///
/// To compile takes milliseconds for most grammars and seconds for the largest ones. An
/// [`Engine`](crate::Engine) does it by itself when a request comes in, and computes nothing meanwhile;
/// whoever has more than one client does it elsewhere, before
/// [`Engine::submit_compiled`](crate::Engine::submit_compiled).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use ulp_infer::{Grammar, GrammarCompiler, InferError, train_byte_bpe};
///
/// let compiler = GrammarCompiler::new(Arc::new(train_byte_bpe([""], 256, &[])?));
/// let compiled = compiler.compile(&Grammar::Regex("[0-9]+".to_string()));
/// # #[cfg(feature = "grammar")]
/// assert!(compiled.is_ok());
///
/// // What is too large is refused at once.
/// let deep = format!("start: {}\"a\"{}", "(".repeat(20_000), ")".repeat(20_000));
/// let error = compiler.compile(&Grammar::Lark(deep)).unwrap_err();
/// # #[cfg(feature = "grammar")]
/// assert!(matches!(error, InferError::GrammarTooLarge { limit: Grammar::MAX_MARKS, .. }));
/// # Ok::<(), InferError>(())
/// ```
#[derive(Clone)]
pub struct GrammarCompiler {
    tokenizer: Arc<Tokenizer>,
    vocabulary: Arc<Mutex<Option<Arc<Vocabulary>>>>,
}

/// A grammar that is ready to be followed by any number of requests.
#[derive(Clone)]
pub struct CompiledGrammar {
    matcher: Arc<Mutex<Matcher>>,
    vocabulary: Arc<Vocabulary>,
}

/// The vocabulary in the form in which grammars are matched with it.
struct Vocabulary {
    factory: ParserFactory,
    /// Stands for the end of the text; no token has this id.
    end: u32,
    completion: Arc<Completion>,
}

impl fmt::Debug for GrammarCompiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrammarCompiler").finish_non_exhaustive()
    }
}

impl fmt::Debug for CompiledGrammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledGrammar").finish_non_exhaustive()
    }
}

impl GrammarCompiler {
    /// A compiler for the texts of this tokenizer.
    pub fn new(tokenizer: Arc<Tokenizer>) -> Self {
        GrammarCompiler { tokenizer, vocabulary: Arc::default() }
    }

    /// Compiles a grammar, on a thread whose stack suffices for it.
    ///
    /// # Errors
    ///
    /// [`InferError::GrammarTooLarge`] for one above the limits ([`Grammar::MAX_BYTES`],
    /// [`Grammar::MAX_MARKS`]), [`InferError::InvalidGrammar`] for one that is none or that no text
    /// follows, [`InferError::NoThread`] if the system has no room for the stack,
    /// [`InferError::NoGrammars`] without the feature `grammar`.
    pub fn compile(&self, grammar: &Grammar) -> Result<CompiledGrammar, InferError> {
        let stack = stack_for(grammar)?;
        let vocabulary = self.vocabulary()?;
        let matcher = thread::scope(|scope| {
            let compile = || {
                expect_small_result(grammar)?;
                matcher(grammar, &vocabulary.factory)
            };
            let builder = thread::Builder::new().name("grammar".to_string()).stack_size(stack);
            let thread = builder.spawn_scoped(scope, compile);
            let thread = thread.map_err(|source| InferError::NoThread { source })?;
            thread.join().unwrap_or_else(|_| Err(invalid("it cannot be compiled")))
        })?;
        Ok(CompiledGrammar { matcher: Arc::new(Mutex::new(matcher)), vocabulary })
    }

    fn vocabulary(&self) -> Result<Arc<Vocabulary>, InferError> {
        let mut known = self.vocabulary.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vocabulary) = &*known {
            return Ok(Arc::clone(vocabulary));
        }
        let vocabulary = Arc::new(Vocabulary::new(&self.tokenizer)?);
        *known = Some(Arc::clone(&vocabulary));
        Ok(vocabulary)
    }
}

impl CompiledGrammar {
    /// The grammar at the beginning of a text. What one text makes the matcher remember is not shared
    /// with others: limits to its size must not depend on the company.
    pub(crate) fn constraint(&self) -> Constraint {
        let matcher = self.matcher.lock().unwrap_or_else(PoisonError::into_inner).deep_clone();
        let Vocabulary { end, completion, .. } = &*self.vocabulary;
        Constraint::new(matcher, *end, Arc::clone(completion))
    }

    /// Tokens of the vocabulary that it was compiled for.
    pub(crate) fn vocabulary_size(&self) -> usize {
        self.vocabulary.end as usize
    }
}

impl Vocabulary {
    fn new(tokenizer: &Tokenizer) -> Result<Self, InferError> {
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
        // Errors are told to clients, who have no use for the parser's state.
        factory.limits_mut().verbose_errors = false;
        Ok(Vocabulary { factory, end, completion })
    }
}

fn matcher(grammar: &Grammar, factory: &ParserFactory) -> Result<Matcher, InferError> {
    let grammar = match grammar {
        Grammar::JsonSchema(schema) => {
            TopLevelGrammar::from_json_schema(serde_json::from_str(schema).map_err(invalid)?)
        }
        Grammar::Regex(regex) => TopLevelGrammar::from_regex(regex),
        Grammar::Lark(lark) => TopLevelGrammar::from_lark(lark.clone()),
    };
    let matcher = Matcher::new(factory.create_parser(grammar));
    if let Some(said) = matcher.get_error() {
        return Err(invalid(said));
    }
    // Whether any text can begin is known only when it is tried.
    matcher.deep_clone().compute_mask_or_eos().map_err(invalid)?;
    Ok(matcher)
}

fn invalid(said: impl fmt::Display) -> InferError {
    InferError::InvalidGrammar { reason: reason(&said.to_string()) }
}
