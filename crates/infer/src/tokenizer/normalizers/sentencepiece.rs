//! What SentencePiece does to text before it looks for tokens.

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};

use super::super::fault::TokenizerFault;
use super::super::models::bpe::SPACE_MARK;
use super::charsmap::Charsmap;

/// SentencePiece's normalizer
/// ([normalizer.cc](https://github.com/google/sentencepiece/blob/master/src/normalizer.cc)).
#[derive(Clone, Debug, Default)]
pub(crate) struct SentencePiece {
    /// Puts a space before the text.
    pub(crate) add_dummy_prefix: bool,
    /// Takes spaces off the ends and writes rows of spaces as one.
    pub(crate) remove_extra_whitespaces: bool,
    /// Writes spaces as `▁`.
    pub(crate) escape_whitespaces: bool,
    /// Replacements made before all this.
    pub(crate) charsmap: Option<Charsmap>,
    /// Texts that stay as they are.
    pub(crate) kept: Option<Kept>,
}

/// Texts that SentencePiece's normalizer keeps: user-defined tokens.
#[derive(Clone, Debug)]
pub(crate) struct Kept(AhoCorasick);

impl Kept {
    /// `None` if there are no texts.
    pub(crate) fn new<'a>(
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Self>, TokenizerFault> {
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            return Ok(None);
        }
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .start_kind(StartKind::Anchored)
            .build(texts)
            .map(|automaton| Some(Kept(automaton)))
            .map_err(|error| TokenizerFault::Unsupported { value: error.to_string() })
    }

    /// The length of the longest of the texts that `text` begins with.
    fn longest(&self, text: &str) -> Option<usize> {
        self.0.find(Input::new(text).anchored(Anchored::Yes)).map(|found| found.end())
    }
}

impl SentencePiece {
    pub(super) fn apply(&self, text: &str) -> String {
        let mut rest = text;
        if self.remove_extra_whitespaces {
            while let (" ", length) = self.prefix(rest) {
                rest = &rest[length..];
            }
        }
        let mut normalized = String::with_capacity(rest.len() + 3);
        if rest.is_empty() {
            return normalized;
        }
        let space = if self.escape_whitespaces { SPACE_MARK } else { ' ' };
        if self.add_dummy_prefix {
            normalized.push(space);
        }
        let mut after_space = self.remove_extra_whitespaces;
        while !rest.is_empty() {
            let (mut prefix, length) = self.prefix(rest);
            if after_space {
                prefix = prefix.trim_start_matches(' ');
            }
            normalized.extend(prefix.chars().map(|c| if c == ' ' { space } else { c }));
            if !prefix.is_empty() {
                after_space = self.remove_extra_whitespaces && prefix.ends_with(' ');
            }
            rest = &rest[length..];
        }
        if self.remove_extra_whitespaces {
            // Marks that stood in the text go as well, as they do in SentencePiece.
            normalized.truncate(normalized.trim_end_matches(space).len());
        }
        normalized
    }

    /// How many times as long a text may become, in bytes: a replacement for each, and a mark for
    /// each space.
    pub(super) fn growth(&self) -> f64 {
        let replacement = self.charsmap.as_ref().map_or(1, Charsmap::longest_replacement);
        (SPACE_MARK.len_utf8() * replacement.max(1)) as f64
    }

    /// What the beginning of `text` becomes, and its length: a text that is kept, or the longest
    /// that the table has, or else a character.
    fn prefix<'a>(&'a self, text: &'a str) -> (&'a str, usize) {
        if let Some(length) = self.kept.as_ref().and_then(|kept| kept.longest(text)) {
            return (&text[..length], length);
        }
        if let Some(found) = self.charsmap.as_ref().and_then(|charsmap| charsmap.longest(text)) {
            return found;
        }
        let length = text.chars().next().map_or(0, char::len_utf8);
        (&text[..length], length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces() {
        let llama = SentencePiece {
            add_dummy_prefix: true,
            escape_whitespaces: true,
            ..SentencePiece::default()
        };
        assert_eq!(llama.apply(" a  b"), "▁▁a▁▁b");
        assert_eq!(llama.apply(""), "");
        let tidy = SentencePiece { remove_extra_whitespaces: true, ..llama };
        assert_eq!(tidy.apply("  a  b "), "▁a▁b");
        assert_eq!(tidy.apply("   "), "");
        let kept = Kept::new(["  ", "b"].into_iter()).unwrap();
        assert_eq!(SentencePiece { kept, ..tidy.clone() }.apply(" a   b "), "▁a▁▁b");
        // A mark is not a space at the beginning, but at the end it is one.
        assert_eq!(tidy.apply("▁a▁ ▁"), "▁▁a");
        assert_eq!(tidy.apply("▁"), "");
    }
}
