//! The way back: ids to bytes.

use std::borrow::Cow;

use super::byte_alphabet;
use super::fault::TokenizerFault;
use super::normalizers::{MAX_GROWTH, SentencePiece};
use super::vocabulary::{Token, TokenKind, byte_of_text};

/// How the bytes of a token follow from its text.
#[derive(Clone, Debug)]
pub(crate) enum Decoder {
    /// Each character stands for a byte.
    ByteLevel,
    /// The text is taken as it is, after some replacements.
    Text(TextDecoder),
    /// A mark stands for a space; the first token's marks for nothing, if `strip`.
    Metaspace { mark: char, strip: bool },
}

/// Replacements, bytes written as `<0x0A>`, and what is taken off the beginning of the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextDecoder {
    /// Text to replace and its replacement, in order.
    pub(crate) replace: Vec<(String, String)>,
    /// `<0x0A>` is a byte.
    pub(crate) byte_fallback: bool,
    /// What is taken off the beginning of the text.
    pub(crate) strip: Strip,
}

/// What a decoder takes off the beginning of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strip {
    /// Nothing.
    #[default]
    Nothing,
    /// An ASCII character, up to so many times.
    Characters { character: u8, count: usize },
    /// One space of each token as long as there is no text: what SentencePiece does for models
    /// that remove white space.
    SpaceOfEachToken,
}

/// How far the decoding of a text has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Nothing has been written yet.
    is_first: bool,
    /// What may still be taken off the beginning.
    strip: Strip,
}

impl Decoder {
    /// Refuses replacements that may blow a token's text up.
    pub(crate) fn check_growth(&self) -> Result<(), TokenizerFault> {
        let Decoder::Text(decoder) = self else { return Ok(()) };
        let one = |(from, to): &(String, String)| to.len() as f64 / from.len().max(1) as f64;
        let growth: f64 = decoder.replace.iter().map(|pair| one(pair).max(1.0)).product();
        if growth > MAX_GROWTH {
            let value = format!("text that becomes {growth:e} times as long");
            return Err(TokenizerFault::Unsupported { value });
        }
        Ok(())
    }

    /// The beginning of a text.
    pub(crate) fn start(&self) -> Progress {
        let strip = match self {
            Decoder::Text(decoder) => decoder.strip,
            Decoder::ByteLevel | Decoder::Metaspace { .. } => Strip::Nothing,
        };
        Progress { is_first: true, strip }
    }

    /// The middle of a text.
    pub(crate) fn inside(&self) -> Progress {
        Progress { is_first: false, strip: Strip::Nothing }
    }

    /// Appends the bytes of a token.
    pub(crate) fn append(&self, token: &Token, progress: &mut Progress, bytes: &mut Vec<u8>) {
        let own = match self {
            Decoder::ByteLevel => byte_alphabet::bytes(&token.text),
            Decoder::Text(decoder) => decoder.byte(token).map(|byte| vec![byte]),
            Decoder::Metaspace { .. } => None,
        };
        match own {
            Some(more) => progress.write(&more, bytes),
            None => self.append_normalized(&token.text, progress, bytes),
        }
    }

    /// Appends an added token that is looked for in normalized text, where it looks like `text`.
    pub(crate) fn append_normalized(
        &self,
        text: &str,
        progress: &mut Progress,
        bytes: &mut Vec<u8>,
    ) {
        let text = match self {
            Decoder::ByteLevel => Cow::Borrowed(text),
            Decoder::Metaspace { mark, strip } => {
                let space = if progress.is_first && *strip { "" } else { " " };
                Cow::Owned(text.replace(*mark, space))
            }
            Decoder::Text(decoder) => decoder.replaced(text),
        };
        progress.write(text.as_bytes(), bytes);
    }

    /// Appends an added token that is looked for in text as it came in, and so stands for itself.
    pub(crate) fn append_verbatim(&self, text: &str, progress: &mut Progress, bytes: &mut Vec<u8>) {
        progress.write(text.as_bytes(), bytes);
    }
}

impl Progress {
    fn write(&mut self, mut more: &[u8], bytes: &mut Vec<u8>) {
        self.is_first = false;
        match &mut self.strip {
            Strip::Nothing => {}
            Strip::Characters { character, count } => {
                let stripped = more.iter().take(*count).take_while(|byte| *byte == character);
                let stripped = stripped.count();
                more = &more[stripped..];
                *count -= stripped;
            }
            Strip::SpaceOfEachToken => more = more.strip_prefix(b" ").unwrap_or(more),
        }
        if !more.is_empty() {
            self.strip = Strip::Nothing;
        }
        bytes.extend(more);
    }
}

impl TextDecoder {
    /// SentencePiece's: `▁` is a space, and the space before the text is taken off.
    pub(crate) fn sentencepiece(normalizer: &SentencePiece) -> Self {
        let strip = if normalizer.remove_extra_whitespaces {
            Strip::SpaceOfEachToken
        } else if normalizer.add_dummy_prefix {
            Strip::Characters { character: b' ', count: 1 }
        } else {
            Strip::Nothing
        };
        let replace = vec![("\u{2581}".into(), " ".into())];
        TextDecoder { replace, byte_fallback: true, strip }
    }

    /// The byte of a token that stands for one.
    fn byte(&self, token: &Token) -> Option<u8> {
        let may_be_byte = matches!(token.kind, TokenKind::Byte | TokenKind::Normal);
        if self.byte_fallback && may_be_byte { byte_of_text(&token.text) } else { None }
    }

    fn replaced<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (from, to) in &self.replace {
            if text.contains(from.as_str()) {
                text = Cow::Owned(text.replace(from.as_str(), to));
            }
        }
        text
    }
}
