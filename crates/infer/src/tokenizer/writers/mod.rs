//! Pipelines to files.

mod gguf;
mod tokenizer_json;

pub use gguf::GgufVocabulary;
