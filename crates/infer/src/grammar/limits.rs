//! How large a grammar may be.
//!
//! llguidance follows references, brackets and properties by recursion, on whatever stack it is called,
//! and a stack that overflows ends the process. So a grammar is weighed before it is compiled, and
//! compiled on a stack that suffices for its weight.

use super::Grammar;
use super::lark_text::outside_literals;
use super::merged_schema::{MergedSchema, schemas_in};
use crate::error::InferError;

/// Bytes of stack for each mark of structure. Measured with llguidance 1.9.1, the deepest of chains of
/// rules, of terminals, of brackets, of properties and of `$ref`s takes 13 KiB a mark when it is
/// compiled without optimisation, and 3 KiB with it (a chain of rules both times).
const STACK_PER_MARK: usize = 32 << 10;

/// Bytes of stack for what is nested to a fixed depth: JSON (128 levels), brackets of a regular
/// expression (250), schemas merged with one another (128).
const BASE_STACK: usize = 16 << 20;

/// Intersections in the terminals of a grammar, or patterns of a schema that are merged. The automaton
/// grows exponentially with them, and no limit of llguidance's stops it in time.
pub(super) const MAX_INTERSECTIONS: usize = 8;

/// Parts of a schema, each as often as merging copies it. llguidance counts the merges, not the
/// copies, of which a short schema can have billions.
pub(super) const MAX_MERGED_PARTS: usize = 200_000;

impl Grammar {
    fn text(&self) -> &str {
        match self {
            Grammar::JsonSchema(text) | Grammar::Regex(text) | Grammar::Lark(text) => text,
        }
    }
}

/// Refuses a grammar that is longer than grammars may be. Gives the bytes of stack to compile it on.
///
/// # Errors
///
/// [`InferError::GrammarTooLarge`].
pub(super) fn stack_for(grammar: &Grammar) -> Result<usize, InferError> {
    let text = grammar.text();
    expect("bytes", text.len(), Grammar::MAX_BYTES)?;
    let marks = text.bytes().filter(|byte| b":,|([{".contains(byte)).count();
    expect("colons, commas, bars and brackets", marks, Grammar::MAX_MARKS)?;
    Ok(BASE_STACK + marks * STACK_PER_MARK)
}

/// Refuses a grammar that is short and would become too large. It needs the stack that the grammar
/// needs.
///
/// # Errors
///
/// [`InferError::GrammarTooLarge`], [`InferError::InvalidGrammar`] for references that cannot be
/// followed.
pub(super) fn expect_small_result(grammar: &Grammar) -> Result<(), InferError> {
    match grammar {
        Grammar::Regex(_) => Ok(()),
        // What is no JSON is refused by who compiles it.
        Grammar::JsonSchema(text) => match serde_json::from_str(text) {
            Ok(schema) => MergedSchema::new(&schema).check(),
            Err(_) => Ok(()),
        },
        Grammar::Lark(text) => {
            let ands = outside_literals(text).filter(|&byte| byte == b'&').count();
            expect("intersections (&)", ands, MAX_INTERSECTIONS)?;
            schemas_in(text).try_for_each(|schema| MergedSchema::new(&schema).check())
        }
    }
}

/// Refuses more of `what` than the limit.
pub(super) fn expect(what: &'static str, found: usize, limit: usize) -> Result<(), InferError> {
    if found <= limit { Ok(()) } else { Err(InferError::GrammarTooLarge { what, found, limit }) }
}
