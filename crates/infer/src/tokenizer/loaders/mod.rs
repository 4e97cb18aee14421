//! Files to pipelines.

mod byte_level;
mod directory;
mod gguf;
mod json_field;
mod protobuf;
mod sentencepiece;
mod sentencepiece_parts;
mod tokenizer_config;
mod tokenizer_json;

use super::fault::TokenizerFault;
use crate::error::InferError;

pub(super) use byte_level::{byte_ids, whole_words};

/// The error of one field of a file.
pub(super) fn error(file: &str, field: impl Into<String>, fault: TokenizerFault) -> InferError {
    InferError::Tokenizer { file: file.into(), field: field.into(), fault }
}
