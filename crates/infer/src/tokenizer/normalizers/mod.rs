//! The step that rewrites text before it is cut into words.

mod charsmap;
mod sentencepiece;
mod unicode_form;

use std::borrow::Cow;

pub(crate) use charsmap::Charsmap;
pub(crate) use sentencepiece::{Kept, SentencePiece};
pub(crate) use unicode_form::UnicodeForm;

use super::pre_tokenizers::Pattern;

/// One rewriting.
#[derive(Clone, Debug)]
pub(crate) enum Normalizer {
    /// NFC, NFD, NFKC or NFKD.
    Form(UnicodeForm),
    /// Lower case, character by character.
    Lowercase,
    /// Puts text before a section that is not empty.
    Prepend(String),
    /// Writes `content` for each match.
    Replace { pattern: Pattern, content: String },
    /// All that SentencePiece does to text.
    SentencePiece(SentencePiece),
    /// Takes white space off the ends.
    Strip { left: bool, right: bool },
}

impl Normalizer {
    /// Rewrites one section of text.
    pub(crate) fn apply<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        match self {
            Normalizer::Form(form) => form.apply(text),
            Normalizer::Lowercase => text.chars().flat_map(char::to_lowercase).collect(),
            Normalizer::Prepend(_) if text.is_empty() => text,
            Normalizer::Prepend(prefix) => Cow::Owned(format!("{prefix}{text}")),
            Normalizer::Replace { pattern, content } => replace(text, pattern, content),
            Normalizer::SentencePiece(normalizer) => Cow::Owned(normalizer.apply(&text)),
            Normalizer::Strip { left, right } => {
                let mut kept = text.as_ref();
                kept = if *left { kept.trim_start() } else { kept };
                kept = if *right { kept.trim_end() } else { kept };
                if kept.len() == text.len() { text } else { Cow::Owned(kept.to_owned()) }
            }
        }
    }
}

/// Writes `content` for each match of `pattern`.
fn replace<'a>(text: Cow<'a, str>, pattern: &Pattern, content: &str) -> Cow<'a, str> {
    // Even a pattern that matches nothing finds nothing in no text.
    if text.is_empty() {
        return text;
    }
    let mut replaced = String::new();
    let mut kept = 0;
    let mut any = false;
    pattern.find(&text, |start, end| {
        any = true;
        replaced.push_str(&text[kept..start]);
        replaced.push_str(content);
        kept = end;
    });
    if !any {
        return text;
    }
    replaced.push_str(&text[kept..]);
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::super::pre_tokenizers::PatternText;
    use super::*;

    #[test]
    fn each_rewriting() {
        let apply =
            |normalizer: Normalizer, text| normalizer.apply(Cow::Borrowed(text)).into_owned();
        assert_eq!(apply(Normalizer::Lowercase, "ÀB"), "àb");
        assert_eq!(apply(Normalizer::Prepend("_".into()), "x"), "_x");
        assert_eq!(apply(Normalizer::Prepend("_".into()), ""), "");
        assert_eq!(apply(Normalizer::Strip { left: true, right: false }, " x "), "x ");
        let pattern = Pattern::new(PatternText::Regex(" {2,}".into())).unwrap();
        let replace = Normalizer::Replace { pattern, content: " ".into() };
        assert_eq!(apply(replace, "a   b c"), "a b c");
    }
}
