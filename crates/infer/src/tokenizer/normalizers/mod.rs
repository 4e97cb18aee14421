//! The step that rewrites text before it is cut into words.

mod charsmap;
mod sentencepiece;
mod unicode_form;

use std::borrow::Cow;

pub(crate) use charsmap::Charsmap;
pub(crate) use sentencepiece::{Kept, SentencePiece};
pub(crate) use unicode_form::UnicodeForm;

use super::fault::TokenizerFault;
use super::pre_tokenizers::{Pattern, PatternText};

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

impl Normalizer {
    /// How many times as long a text that is not empty may become, in bytes.
    ///
    /// For the normal forms see
    /// [Unicode's FAQ](https://www.unicode.org/faq/normalization.html); in lower case `Ⱥ` grows
    /// from two bytes to three.
    fn growth(&self) -> f64 {
        match self {
            Normalizer::Form(UnicodeForm::Nfc | UnicodeForm::Nfd) => 3.0,
            Normalizer::Form(UnicodeForm::Nfkc | UnicodeForm::Nfkd) => 11.0,
            Normalizer::Lowercase => 1.5,
            Normalizer::Prepend(prefix) => 1.0 + prefix.len() as f64,
            Normalizer::Replace { pattern, content } => match pattern.text() {
                PatternText::Literal(literal) => {
                    (content.len() as f64 / literal.len().max(1) as f64).max(1.0)
                }
                // A match may be empty.
                PatternText::Regex(_) => 1.0 + content.len() as f64,
            },
            Normalizer::SentencePiece(normalizer) => normalizer.growth(),
            Normalizer::Strip { .. } => 1.0,
        }
    }
}

/// How many times as long text may become by all rewritings of a file; the files in use stay below
/// a hundred. Without a bound a short list of replacements makes a terabyte of a word.
pub(crate) const MAX_GROWTH: f64 = 4096.0;

/// Refuses rewritings that may blow text up.
pub(crate) fn check_growth(normalizers: &[Normalizer]) -> Result<(), TokenizerFault> {
    let growth: f64 = normalizers.iter().map(Normalizer::growth).product();
    if growth > MAX_GROWTH {
        let value = format!("text that becomes {growth:e} times as long");
        return Err(TokenizerFault::Unsupported { value });
    }
    Ok(())
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

    #[test]
    fn growth_is_bounded() {
        let pattern = Pattern::new(PatternText::Literal("a".into())).unwrap();
        let double = Normalizer::Replace { pattern, content: "aa".into() };
        assert!(check_growth(&vec![double.clone(); 12]).is_ok());
        assert!(check_growth(&vec![double; 13]).is_err());
    }
}
