//! What a splitting stage looks for.

use fancy_regex::{Regex, RegexBuilder};

use super::super::fault::TokenizerFault;
use super::{GPT2, LLAMA3, QWEN2, gpt2, llama3};

/// Steps back that the compiled pattern may take in one search. Patterns come from files and some
/// take exponential time; this many steps are a few seconds.
const BACKTRACK_LIMIT: usize = 100_000_000;

/// Bytes that a pattern may have; the longest in use have some hundreds. With the two limits below
/// it bounds what compiling takes.
const MAX_PATTERN: usize = 1 << 13;
/// Bytes that each part of a pattern without look-around may be compiled to. The largest of the
/// patterns in use takes a quarter of it.
const MAX_AUTOMATON: usize = 4 << 20;
/// Instructions that a pattern may be compiled to.
const MAX_INSTRUCTIONS: usize = 1 << 13;

/// A pattern as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternText {
    /// The text itself.
    Literal(String),
    /// A regular expression.
    Regex(String),
}

/// A pattern that can be searched for.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: PatternText,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Literal,
    /// The patterns of the large families, by hand.
    Gpt2,
    Llama3 {
        digits: usize,
    },
    /// Any other.
    Compiled(Box<Regex>),
}

impl Pattern {
    pub(crate) fn new(text: PatternText) -> Result<Self, TokenizerFault> {
        let matcher = match &text {
            PatternText::Literal(_) => Matcher::Literal,
            PatternText::Regex(regex) => match regex.as_str() {
                GPT2 => Matcher::Gpt2,
                LLAMA3 => Matcher::Llama3 { digits: 3 },
                QWEN2 => Matcher::Llama3 { digits: 1 },
                other => Matcher::Compiled(compile(other)?),
            },
        };
        Ok(Pattern { text, matcher })
    }

    /// One of the constant patterns of this module.
    pub(crate) fn known(regex: &str) -> Self {
        Pattern::new(PatternText::Regex(regex.into())).expect("a constant pattern")
    }

    pub(crate) fn text(&self) -> &PatternText {
        &self.text
    }

    /// True if the pattern is this text.
    pub(crate) fn is_literal(&self, text: &str) -> bool {
        matches!(&self.text, PatternText::Literal(literal) if literal == text)
    }

    /// Hands over the start and the end of each match in order. A pattern that only looks around
    /// matches without taking a character: `(?=(\d{3})+(?!\d))` cuts numbers into thousands.
    ///
    /// A compiled pattern that takes more than [`BACKTRACK_LIMIT`] steps back matches nothing from
    /// there on: encoding has no way to fail, and no pattern of a sensible file comes near.
    pub(crate) fn find(&self, text: &str, mut found: impl FnMut(usize, usize)) {
        let mut scan = |word_end: &dyn Fn(&str) -> usize| {
            let mut start = 0;
            while start < text.len() {
                let end = start + word_end(&text[start..]);
                found(start, end);
                start = end;
            }
        };
        match (&self.matcher, &self.text) {
            (Matcher::Gpt2, _) => scan(&gpt2::word_end),
            (Matcher::Llama3 { digits }, _) => scan(&|text| llama3::word_end(text, *digits)),
            (Matcher::Compiled(regex), _) => {
                for one in regex.find_iter(text).map_while(Result::ok) {
                    found(one.start(), one.end());
                }
            }
            (Matcher::Literal, PatternText::Literal(literal) | PatternText::Regex(literal)) => {
                if !literal.is_empty() {
                    for (start, _) in text.match_indices(literal.as_str()) {
                        found(start, start + literal.len());
                    }
                }
            }
        }
    }
}

fn compile(regex: &str) -> Result<Box<Regex>, TokenizerFault> {
    if regex.len() > MAX_PATTERN {
        let value = format!("a pattern of {} bytes", regex.len());
        return Err(TokenizerFault::Unsupported { value });
    }
    // Patterns are written for Oniguruma with Ruby's syntax, which has an end of the text in `\z` and
    // lets `^` and `$` stand at every line.
    RegexBuilder::new(regex)
        .oniguruma_mode(true)
        .multi_line(true)
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(MAX_AUTOMATON)
        .max_prog_size(MAX_INSTRUCTIONS)
        .build()
        .map(Box::new)
        .map_err(|error| TokenizerFault::Pattern(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &Pattern, text: &str) -> Vec<(usize, usize)> {
        let mut list = Vec::new();
        pattern.find(text, |start, end| list.push((start, end)));
        list
    }

    /// Characters at which the branches of the patterns meet.
    fn text() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            3 => prop::sample::select(
                " '\r\n\t\u{A0}\u{3000}\u{85}aAsStTrReEvVmMlLdDſKé1239½٣Ⅷ.!-_ः\u{301}\u{200D}世あ🦙"
                    .chars().collect::<Vec<_>>()
            ),
            1 => any::<char>(),
        ];
        prop::collection::vec(c, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn scanners_agree_with_the_compiled_patterns(text in text()) {
            for regex in [GPT2, LLAMA3, QWEN2] {
                let compiled = Pattern {
                    text: PatternText::Regex(regex.into()),
                    matcher: Matcher::Compiled(compile(regex).unwrap()),
                };
                prop_assert_eq!(matches(&Pattern::known(regex), &text), matches(&compiled, &text));
            }
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        let bad = Pattern::new(PatternText::Regex("(".into()));
        assert!(matches!(bad, Err(TokenizerFault::Pattern(_))));
        // Too large when compiled, too deep, too long.
        for regex in ["(?=a)\\p{L}{1000}".into(), "(".repeat(5000), "a".repeat(9000)] {
            assert!(Pattern::new(PatternText::Regex(regex)).is_err());
        }
    }

    #[test]
    fn anchors_stand_at_lines() {
        let pattern = Pattern::new(PatternText::Regex(r"^ +| +$".into())).unwrap();
        assert_eq!(matches(&pattern, " a \n b \n"), [(0, 1), (2, 3), (4, 5), (6, 7)]);
        // Braces are not made possessive by a plus.
        let pairs = Pattern::new(PatternText::Regex("a{2}+".into())).unwrap();
        assert_eq!(matches(&pairs, "aaaaa"), [(0, 4)]);
    }

    /// Patterns of models in use that are not known by heart.
    #[test]
    fn large_patterns_are_compiled() {
        let words = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        let letters = r"[!\x22#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        for regex in [words, letters] {
            assert!(Pattern::new(PatternText::Regex(regex.into())).is_ok());
        }
    }
}
