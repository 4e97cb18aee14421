//! All tests of the public interface, in one program: what is generic is compiled for it once.
//! Beside it stand those that count what a process allocates.

mod architectures;
mod babyllama;
mod beam_search;
mod cache_types;
mod chat_templates;
mod embeddings;
mod engine;
mod export;
mod formats;
mod gguf_round_trip;
mod grammars;
mod hf_directory;
mod importance;
mod logits;
mod long_rope;
mod lora;
mod requantize;
mod sampling;
mod smollm2;
#[path = "../test_models/mod.rs"]
mod test_models;
mod tokenizer_golden;
mod tokenizer_stream;
mod tokenizer_vectors;
mod transformers;
