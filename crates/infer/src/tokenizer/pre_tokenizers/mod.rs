//! The step that cuts normalized text into words, which no token reaches over.
//!
//! Stages follow each other: each cuts the pieces of the stage before. A piece is a part of the
//! text it came from wherever possible, so that cutting copies nothing.

mod byte_level;
mod digits;
mod family;
mod gpt2;
mod llama3;
mod metaspace;
mod pattern;
mod split;

pub(crate) use byte_level::ByteLevel;
pub(crate) use digits::Digits;
pub(crate) use family::Family;
pub(crate) use metaspace::{Metaspace, PrependScheme};
pub(crate) use pattern::{Pattern, PatternText};
pub(crate) use split::{Behavior, Split};

/// Pattern of GPT-2's byte-level pre-tokenizer, as written in
/// [encoder.py](https://github.com/openai/gpt-2/blob/master/src/encoder.py).
pub(crate) const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Pattern of Llama 3: numbers in groups of three digits.
pub(crate) const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Pattern of Qwen 2: Llama 3's with single digits.
pub(crate) const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// One stage.
#[derive(Clone, Debug)]
pub(crate) enum PreTokenizer {
    /// Bytes are what the model sees from here on; so this stage is the last.
    ByteLevel(ByteLevel),
    Digits(Digits),
    Metaspace(Metaspace),
    Split(Split),
}

/// Cuts `text` by all `stages` and hands over the words in order. `at_start` says that `text`
/// begins where the whole text begins.
pub(crate) fn pre_tokenize(
    stages: &[PreTokenizer],
    text: &str,
    at_start: bool,
    word: &mut dyn FnMut(&str),
) {
    let Some((stage, rest)) = stages.split_first() else {
        if !text.is_empty() {
            word(text);
        }
        return;
    };
    let mut first = at_start;
    let mut next = |piece: &str, is_first: bool| {
        pre_tokenize(rest, piece, first && is_first, word);
        first = false;
    };
    match stage {
        PreTokenizer::ByteLevel(stage) => stage.cut(text, &mut |piece| next(piece, true)),
        PreTokenizer::Digits(stage) => stage.cut(text, &mut |piece| next(piece, true)),
        PreTokenizer::Metaspace(stage) => {
            stage.cut(text, at_start, &mut |piece| next(piece, true));
        }
        // What a cut leaves out may be the beginning.
        PreTokenizer::Split(stage) => {
            stage.cut(text, &mut |piece| next(piece, piece.as_ptr() == text.as_ptr()));
        }
    }
}
