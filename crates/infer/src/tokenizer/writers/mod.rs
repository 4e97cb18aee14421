//! Pipelines to files.

mod gguf;
mod scores;
mod tokenizer_json;

pub use gguf::GgufVocabulary;
