//! What SentencePiece does to text before it looks for tokens.

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
}

impl SentencePiece {
    pub(super) fn apply(&self, text: &str) -> String {
        let mapped;
        let mut text = text;
        if let Some(charsmap) = &self.charsmap {
            mapped = map(charsmap, text);
            text = &mapped;
        }
        if self.remove_extra_whitespaces {
            text = text.trim_matches(' ');
        }
        let mut normalized = String::with_capacity(text.len() + 3);
        if text.is_empty() {
            return normalized;
        }
        let space = if self.escape_whitespaces { SPACE_MARK } else { ' ' };
        if self.add_dummy_prefix {
            normalized.push(space);
        }
        let mut after_space = false;
        for c in text.chars() {
            if c != ' ' {
                normalized.push(c);
            } else if !(after_space && self.remove_extra_whitespaces) {
                normalized.push(space);
            }
            after_space = c == ' ';
        }
        normalized
    }
}

/// Replaces, at each place, the longest text that the table has.
fn map(charsmap: &Charsmap, text: &str) -> String {
    let mut mapped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match charsmap.longest(rest) {
            Some((replacement, length)) => {
                mapped.push_str(replacement);
                length
            }
            None => {
                mapped.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    mapped
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
    }
}
