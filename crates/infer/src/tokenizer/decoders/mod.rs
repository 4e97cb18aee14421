//! The way back: ids to bytes.

use std::borrow::Cow;

use super::byte_alphabet;
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
    /// An ASCII character and how often it is taken off the beginning.
    pub(crate) strip: Option<(u8, usize)>,
}

/// How far the decoding of a text has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Nothing has been written yet.
    is_first: bool,
    /// Characters that may still be taken off the beginning.
    strip: usize,
}

impl Decoder {
    /// The beginning of a text.
    pub(crate) fn start(&self) -> Progress {
        let strip = match self {
            Decoder::Text(TextDecoder { strip: Some((_, count)), .. }) => *count,
            _ => 0,
        };
        Progress { is_first: true, strip }
    }

    /// Appends the bytes of a token.
    pub(crate) fn append(&self, token: &Token, progress: &mut Progress, bytes: &mut Vec<u8>) {
        let own = match self {
            Decoder::ByteLevel => byte_alphabet::bytes(&token.text),
            Decoder::Text(decoder) => decoder.byte(token).map(|byte| vec![byte]),
            Decoder::Metaspace { .. } => None,
        };
        match own {
            Some(more) => self.write(&more, progress, bytes),
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
        self.write(text.as_bytes(), progress, bytes);
    }

    /// Appends an added token that is looked for in text as it came in, and so stands for itself.
    pub(crate) fn append_verbatim(&self, text: &str, progress: &mut Progress, bytes: &mut Vec<u8>) {
        self.write(text.as_bytes(), progress, bytes);
    }

    fn write(&self, mut more: &[u8], progress: &mut Progress, bytes: &mut Vec<u8>) {
        progress.is_first = false;
        if progress.strip > 0
            && let Decoder::Text(TextDecoder { strip: Some((character, _)), .. }) = self
        {
            let matching = more.iter().take(progress.strip).take_while(|byte| *byte == character);
            let count = matching.count();
            more = &more[count..];
            progress.strip = if more.is_empty() { progress.strip - count } else { 0 };
        }
        bytes.extend(more);
    }
}

impl TextDecoder {
    /// SentencePiece's: `▁` is a space, and the space before the text is taken off.
    pub(crate) fn sentencepiece(strip: bool) -> Self {
        TextDecoder {
            replace: vec![("\u{2581}".into(), " ".into())],
            byte_fallback: true,
            strip: strip.then_some((b' ', 1)),
        }
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
