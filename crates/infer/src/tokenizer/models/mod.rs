//! The step that turns a word into ids.
//!
//! Both families, byte-level BPE and SentencePiece BPE, are the same machine ([`bpe`]) over a
//! table of merges; they differ in the alphabet that a word is first cut into and in where the
//! table comes from: a list in the file, or (for SentencePiece) the scores of the tokens
//! ([`score_merges`]).

pub(crate) mod bpe;
pub(crate) mod merges;
mod pair_hasher;
pub(crate) mod score_merges;
mod symbols;
mod text_hash;
mod word_cache;

pub(crate) use bpe::{Alphabet, Bpe, Scratch, Unknown};
pub(crate) use merges::Merges;
