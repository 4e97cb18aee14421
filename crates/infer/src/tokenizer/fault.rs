//! What can be wrong with a tokenizer's file.

use std::fmt;

/// What is wrong with one field of a tokenizer's file; the file and the field stand beside it in
/// [`InferError::Tokenizer`](crate::InferError::Tokenizer).
///
/// # Examples
///
/// ```
/// use ulp_infer::{InferError, Tokenizer, TokenizerFault};
///
/// let json = br#"{"model": {"type": "Unigram"}}"#;
/// match Tokenizer::from_tokenizer_json(json, "tokenizer.json") {
///     Err(InferError::Tokenizer { file, field, fault: TokenizerFault::Unsupported { value } }) => {
///         assert_eq!((&*file, &*field, &*value), ("tokenizer.json", "model.type", "\"Unigram\""));
///     }
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TokenizerFault {
    /// The JSON cannot be read: bad syntax, a missing field or a value of another type. The
    /// message ends with the line and the column.
    Json(serde_json::Error),
    /// A field that is needed is absent.
    Missing,
    /// A value of another type than the field holds.
    WrongType {
        /// The type that the field holds.
        expected: &'static str,
    },
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A part of the format that this crate does not do. It is refused, not skipped: a skipped
    /// step would give wrong ids without a word.
    Unsupported {
        /// The value in the file.
        value: String,
    },
    /// Two tokens with the same text.
    DuplicateToken {
        /// Their text.
        text: String,
        /// The id of the first.
        first: u32,
        /// The id of the second.
        second: u32,
    },
    /// Two tokens with the same id.
    DuplicateId {
        /// The id.
        id: u32,
        /// The text of the first.
        first: String,
        /// The text of the second.
        second: String,
    },
    /// A merge that is listed twice, so that its rank is ambiguous.
    DuplicateMerge {
        /// The left token.
        left: String,
        /// The right token.
        right: String,
    },
    /// A token that the vocabulary does not have.
    UnknownToken {
        /// Its text.
        text: String,
    },
    /// An id outside the vocabulary.
    IdOutOfRange {
        /// The id.
        id: i64,
        /// One more than the largest id allowed.
        limit: u64,
    },
    /// Two lists that must be equally long are not.
    LengthMismatch {
        /// The length of the list of tokens.
        expected: usize,
        /// The length of this list.
        found: usize,
    },
    /// A score that is not a number.
    NotANumber,
    /// A vocabulary without room for the tokens that must be in it.
    VocabularyTooSmall {
        /// Tokens that must be in it.
        needed: usize,
        /// Tokens that it may have.
        available: usize,
    },
    /// A pattern that cannot be compiled.
    Pattern(Box<fancy_regex::Error>),
}

impl fmt::Display for TokenizerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenizerFault::Json(error) => error.fmt(f),
            TokenizerFault::Missing => f.write_str("missing"),
            TokenizerFault::WrongType { expected } => write!(f, "is not {expected}"),
            TokenizerFault::NotUtf8 => f.write_str("is not UTF-8"),
            TokenizerFault::Unsupported { value } => write!(f, "{value} is not supported"),
            TokenizerFault::DuplicateToken { text, first, second } => {
                write!(f, "tokens {first} and {second} are both {text:?}")
            }
            TokenizerFault::DuplicateId { id, first, second } => {
                write!(f, "{first:?} and {second:?} both have the id {id}")
            }
            TokenizerFault::DuplicateMerge { left, right } => {
                write!(f, "the merge of {left:?} and {right:?} is listed twice")
            }
            TokenizerFault::UnknownToken { text } => {
                write!(f, "{text:?} is not in the vocabulary")
            }
            TokenizerFault::IdOutOfRange { id, limit } => {
                write!(f, "id {id} is outside the vocabulary of {limit}")
            }
            TokenizerFault::LengthMismatch { expected, found } => {
                write!(f, "has {found} elements for {expected} tokens")
            }
            TokenizerFault::NotANumber => f.write_str("is not a number"),
            TokenizerFault::VocabularyTooSmall { needed, available } => {
                write!(f, "{available} tokens are too few, at least {needed} are needed")
            }
            TokenizerFault::Pattern(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TokenizerFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TokenizerFault::Json(error) => Some(error),
            TokenizerFault::Pattern(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
