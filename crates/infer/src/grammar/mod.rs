//! Text that follows a grammar.
//!
//! At each place the tokens with which no text of the grammar can go on are impossible; the sampler
//! chooses among the others. The work is [llguidance](https://github.com/guidance-ai/llguidance)'s,
//! an optional dependency (feature `grammar`).

#[cfg(not(feature = "grammar"))]
mod absent;
#[cfg(feature = "grammar")]
mod compiler;
#[cfg(feature = "grammar")]
mod completion;
#[cfg(feature = "grammar")]
mod constraint;
#[cfg(feature = "grammar")]
mod lark_text;
#[cfg(feature = "grammar")]
mod limits;
#[cfg(feature = "grammar")]
mod merged_schema;

#[cfg(not(feature = "grammar"))]
pub(crate) use absent::Constraint;
#[cfg(not(feature = "grammar"))]
pub use absent::{CompiledGrammar, GrammarCompiler};
#[cfg(feature = "grammar")]
pub use compiler::{CompiledGrammar, GrammarCompiler};
#[cfg(feature = "grammar")]
pub(crate) use constraint::Constraint;

/// What the text of an answer must be.
///
/// A request with a grammar ends when its text is complete and nothing can follow, or when the
/// model ends it where the grammar allows. Near the end of the request's tokens the text is led to
/// its end: of the last 256 tokens each is chosen so that what is left suffices to complete the text,
/// as a search among the shortest ways finds. So the text is complete also when the budget ends it,
/// which [`FinishReason::Length`](crate::FinishReason::Length) says. Only a budget that is too small
/// for any text of the grammar leaves it incomplete.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Grammar, Request};
///
/// let schema = r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#;
/// let grammar = Some(Grammar::JsonSchema(schema.to_string()));
/// let request = Request { grammar, ..Request::new(vec![1]) };
/// assert_eq!(request.stop.len(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grammar {
    /// JSON that a JSON Schema describes, in the form of the schema's text.
    JsonSchema(String),
    /// A text that this regular expression describes from its beginning to its end.
    Regex(String),
    /// A grammar in llguidance's variant of Lark's language.
    Lark(String),
}

impl Grammar {
    /// Bytes of a grammar at most.
    pub const MAX_BYTES: usize = 256 << 10;

    /// Colons, commas, bars and opening brackets of a grammar at most: each rule, terminal, property,
    /// alternative and group has one of them.
    pub const MAX_MARKS: usize = 16_384;

    /// Any JSON object.
    pub fn json_object() -> Self {
        Grammar::JsonSchema(r#"{"type": "object"}"#.to_string())
    }
}
