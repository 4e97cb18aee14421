//! The byte-level families by name.

use super::{Behavior, ByteLevel, Digits, GPT2, LLAMA3, Pattern, PreTokenizer, QWEN2, Split};

/// Byte-level models that cut text alike, as `tokenizer.ggml.pre` names them. The patterns are
/// those of the models' own tokenizer.json; which names mean the same is llama.cpp's table.
pub(crate) struct Family {
    /// The name, and others for the same.
    names: &'static [&'static str],
    /// What text is cut at, one after the other.
    cuts: &'static [Cut],
    /// A word that is a token is taken whole.
    pub(crate) whole_words: bool,
    /// The beginning of a sequence is put before text where a file says nothing.
    pub(crate) adds_bos: bool,
    /// Text is brought into NFC first. Files do not say so.
    pub(crate) is_nfc: bool,
}

/// One cut.
enum Cut {
    /// At the matches of a pattern.
    Pattern(&'static str),
    /// At numbers, or at each digit.
    Digits { individual: bool },
}

use Cut::Pattern as At;
const EACH_DIGIT: Cut = Cut::Digits { individual: true };

/// Words in capital or small letters, numbers one by one: Mistral's Tekken.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The same with numbers in groups of three, and contractions: GPT-4o's o200k.
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Qwen 2's with marks as parts of words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// DeepSeek-V3's words.
const DEEPSEEK_V3: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// All families, each with its usual name first.
const FAMILIES: &[Family] = &[
    Family {
        // What llama.cpp does for files that name no family: punctuation, GPT-2's words, numbers,
        // and numbers in groups of three.
        names: &["default"],
        cuts: &[
            At(r"[\p{P}\$\+<=>\^~\|]+"),
            At(GPT2),
            Cut::Digits { individual: false },
            At("[0-9][0-9][0-9]"),
        ],
        ..Family::PLAIN
    },
    Family {
        names: &[
            "gpt-2",
            "phi-2",
            "jina-es",
            "jina-de",
            "jina-v2-es",
            "jina-v2-de",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "exaone4",
            "granite-docling",
        ],
        cuts: &[At(GPT2)],
        ..Family::PLAIN
    },
    Family {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
        ],
        cuts: &[At(LLAMA3)],
        whole_words: true,
        adds_bos: true,
        ..Family::PLAIN
    },
    Family { names: &["qwen2"], cuts: &[At(QWEN2)], is_nfc: true, ..Family::PLAIN },
    Family {
        names: &[
            "deepseek-r1-qwen",
            "kormo",
            "stablelm2",
            "hunyuan",
            "f2llmv2",
            "megrez",
            "solar-open",
            "grok-2",
        ],
        cuts: &[At(QWEN2)],
        ..Family::PLAIN
    },
    Family {
        names: &[
            "smollm",
            "starcoder",
            "refact",
            "command-r",
            "codeshell",
            "exaone",
            "minerva-7b",
            "mellum2",
        ],
        cuts: &[EACH_DIGIT, At(GPT2)],
        ..Family::PLAIN
    },
    Family {
        names: &["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"],
        cuts: &[At(LLAMA3)],
        ..Family::PLAIN
    },
    Family {
        names: &["tekken"],
        cuts: &[At(TEKKEN)],
        whole_words: true,
        adds_bos: true,
        ..Family::PLAIN
    },
    Family {
        names: &["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
        cuts: &[At(O200K)],
        ..Family::PLAIN
    },
    Family { names: &["qwen35"], cuts: &[At(QWEN35)], is_nfc: true, ..Family::PLAIN },
    Family {
        names: &["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
        cuts: &[At(r"\p{N}{1,3}"), At("[一-龥\u{3040}-ゟ゠-ヿ]+"), At(DEEPSEEK_V3)],
        ..Family::PLAIN
    },
    Family {
        names: &["deepseek-coder"],
        cuts: &[
            At(r"[\r\n]"),
            At(r"\s?\p{L}+"),
            At(r"\s?\p{P}+"),
            At("[一-龥ࠀ-一가-퟿]+"),
            EACH_DIGIT,
        ],
        ..Family::PLAIN
    },
];

impl Family {
    /// What most families have in common.
    const PLAIN: Family =
        Family { names: &[], cuts: &[], whole_words: false, adds_bos: false, is_nfc: false };

    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| family.names.contains(&name))
    }

    /// The family that the training of vocabularies uses.
    pub(crate) fn smollm() -> &'static Self {
        Family::named("smollm").expect("a name in the list")
    }

    /// All families, each with its usual name.
    pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Self)> {
        FAMILIES.iter().map(|family| (family.names[0], family))
    }

    pub(crate) fn pre_tokenizers(&self) -> Vec<PreTokenizer> {
        let mut stages: Vec<_> = self.cuts.iter().map(Cut::stage).collect();
        // The stage that hands over bytes knows GPT-2's pattern.
        let ends_in_gpt2 = matches!(self.cuts, [.., At(GPT2)]);
        if ends_in_gpt2 {
            stages.pop();
        }
        stages.push(PreTokenizer::ByteLevel(ByteLevel::new(false, ends_in_gpt2)));
        stages
    }
}

impl Cut {
    fn stage(&self) -> PreTokenizer {
        match *self {
            Cut::Digits { individual } => PreTokenizer::Digits(Digits { individual }),
            At(regex) => PreTokenizer::Split(Split {
                pattern: Pattern::known(regex),
                behavior: Behavior::Isolated,
                invert: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pre_tokenize;
    use super::*;

    #[test]
    fn each_family_cuts_all_of_a_text() {
        let text = "I'LL pay 12345 HelloWorld's: 世界カナ!!\r\n\n  x=y/z\t(é) نص";
        for (name, family) in Family::all() {
            let mut words = Vec::new();
            let stages = family.pre_tokenizers();
            pre_tokenize(&stages, text, true, &mut |word| words.push(word.to_owned()));
            assert_eq!(words.concat(), text, "{name}");
            assert!(words.len() > 15, "{name}: {words:?}");
        }
    }

    #[test]
    fn no_name_twice() {
        let mut names: Vec<_> = FAMILIES.iter().flat_map(|family| family.names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
