//! The way back: ids to bytes.

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
        let first = std::mem::replace(&mut progress.is_first, false);
        let start = bytes.len();
        match self {
            Decoder::ByteLevel => match byte_alphabet::bytes(&token.text) {
                Some(more) => bytes.extend(more),
                None => bytes.extend(token.text.bytes()),
            },
            Decoder::Metaspace { mark, strip } => {
                let space = if first && *strip { "" } else { " " };
                bytes.extend(token.text.replace(*mark, space).bytes());
            }
            Decoder::Text(decoder) => {
                decoder.append(token, bytes);
                if progress.strip > 0 && start < bytes.len() {
                    decoder.strip(start, progress, bytes);
                }
            }
        }
    }

    /// Appends text that stands for itself: that of an added token.
    pub(crate) fn append_verbatim(&self, text: &str, progress: &mut Progress, bytes: &mut Vec<u8>) {
        *progress = Progress { is_first: false, strip: 0 };
        bytes.extend(text.bytes());
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

    fn append(&self, token: &Token, bytes: &mut Vec<u8>) {
        let is_byte = matches!(token.kind, TokenKind::Byte | TokenKind::Normal);
        if self.byte_fallback
            && is_byte
            && let Some(byte) = byte_of_text(&token.text)
        {
            return bytes.push(byte);
        }
        match &self.replace[..] {
            [] => bytes.extend(token.text.bytes()),
            [(from, to), rest @ ..] => {
                let mut text = token.text.replace(from.as_str(), to);
                for (from, to) in rest {
                    text = text.replace(from.as_str(), to);
                }
                bytes.extend(text.bytes());
            }
        }
    }

    /// Takes characters off the beginning of the text, which begins at `start`.
    fn strip(&self, start: usize, progress: &mut Progress, bytes: &mut Vec<u8>) {
        let Some((character, _)) = self.strip else { return };
        let more = bytes[start..].iter().take(progress.strip);
        let count = more.take_while(|&&byte| byte == character).count();
        bytes.drain(start..start + count);
        progress.strip = if start == bytes.len() { progress.strip - count } else { 0 };
    }
}
