//! The byte-level families by name.

use super::{
    Behavior, ByteLevel, Digits, GPT2, LLAMA3, Pattern, PatternText, PreTokenizer, QWEN2, Split,
};

/// Byte-level models that cut text alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Default,
    Gpt2,
    Llama3,
    Qwen2,
    SmolLm,
}

impl Family {
    /// The family of a `tokenizer.ggml.pre`, and those that cut text in the same way by the table
    /// in llama.cpp.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "default" => Family::Default,
            "gpt-2" | "phi-2" | "jina-es" | "jina-de" | "jina-v2-es" | "jina-v2-de"
            | "gigachat" | "a.x-4.0" | "mellum" | "mpt" | "olmo" | "jais" | "trillion" => {
                Family::Gpt2
            }
            "llama3" | "llama-v3" | "llama-bpe" | "falcon3" | "falcon-h1" | "pixtral"
            | "midm-2.0" | "lfm2" => Family::Llama3,
            "qwen2" | "deepseek-r1-qwen" | "kormo" | "stablelm2" | "hunyuan" => Family::Qwen2,
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone"
            | "minerva-7b" => Family::SmolLm,
            _ => return None,
        })
    }

    pub(crate) fn pre_tokenizers(self) -> Vec<PreTokenizer> {
        let byte_level = |use_regex| PreTokenizer::ByteLevel(ByteLevel::new(false, use_regex));
        let split = |pattern: &str| {
            let pattern = Pattern::new(PatternText::Regex(pattern.into()));
            PreTokenizer::Split(Split {
                pattern: pattern.expect("a constant pattern"),
                behavior: Behavior::Isolated,
                invert: false,
            })
        };
        let digits = |individual| PreTokenizer::Digits(Digits { individual });
        match self {
            // What llama.cpp does for files that name no family: punctuation, GPT-2's words,
            // numbers, and numbers in groups of three.
            Family::Default => vec![
                split(r"[\p{P}\$\+<=>\^~\|]+"),
                split(GPT2),
                digits(false),
                split("[0-9][0-9][0-9]"),
                byte_level(false),
            ],
            Family::Gpt2 => vec![byte_level(true)],
            Family::Llama3 => vec![split(LLAMA3), byte_level(false)],
            Family::Qwen2 => vec![split(QWEN2), byte_level(false)],
            Family::SmolLm => vec![digits(true), byte_level(true)],
        }
    }
}
