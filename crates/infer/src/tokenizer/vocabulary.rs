//! The list of tokens: id to text and back.

use std::collections::HashMap;

use super::fault::TokenizerFault;

/// What a token is for. The numbers are those of SentencePiece and of GGUF.
///
/// # Examples
///
/// ```
/// use ulp_infer::TokenKind;
///
/// assert_eq!(TokenKind::from_number(3), Some(TokenKind::Control));
/// assert_eq!(TokenKind::from_number(7), None);
/// assert_eq!(TokenKind::Byte as i32, 6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenKind {
    /// Text.
    Normal = 1,
    /// What text becomes that no token covers.
    Unknown = 2,
    /// A mark that no text becomes, such as the beginning of a sequence.
    Control = 3,
    /// Text that is always one token.
    UserDefined = 4,
    /// A place in the list that is never used.
    Unused = 5,
    /// One byte, written `<0x0A>`.
    Byte = 6,
}

impl TokenKind {
    /// The kind with this number in files.
    pub fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            1 => TokenKind::Normal,
            2 => TokenKind::Unknown,
            3 => TokenKind::Control,
            4 => TokenKind::UserDefined,
            5 => TokenKind::Unused,
            6 => TokenKind::Byte,
            _ => return None,
        })
    }
}

/// One token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) text: Box<str>,
    pub(crate) kind: TokenKind,
    /// How early SentencePiece makes this token: higher is earlier. Zero where the file has none.
    pub(crate) score: f32,
}

impl Token {
    /// True if text may become this token. Marks are found by looking for them, and only where
    /// they are asked for.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, TokenKind::Normal | TokenKind::UserDefined | TokenKind::Byte)
    }
}

/// All tokens. An id may be vacant: the files of some models skip numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    tokens: Vec<Option<Token>>,
    ids: HashMap<Box<str>, u32>,
}

impl Vocabulary {
    /// Adds a token. `limit` bounds the ids, because the list is as long as the largest id: a file
    /// could claim any.
    pub(crate) fn insert(
        &mut self,
        id: u32,
        token: Token,
        limit: u32,
    ) -> Result<(), TokenizerFault> {
        if id >= limit {
            return Err(TokenizerFault::IdOutOfRange { id: id.into(), limit: limit.into() });
        }
        let place = id as usize;
        if let Some(other) = self.get(id) {
            return Err(TokenizerFault::DuplicateId {
                id,
                first: other.text.to_string(),
                second: token.text.into(),
            });
        }
        if let Some(first) = self.id(&token.text) {
            return Err(TokenizerFault::DuplicateToken {
                text: token.text.into(),
                first,
                second: id,
            });
        }
        if place >= self.tokens.len() {
            self.tokens.resize(place + 1, None);
        }
        self.ids.insert(token.text.clone(), id);
        self.tokens[place] = Some(token);
        Ok(())
    }

    /// One more than the largest id.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Token> {
        self.tokens.get(id as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Token> {
        self.tokens.get_mut(id as usize)?.as_mut()
    }

    pub(crate) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// The tokens that text may become, in the order of their ids.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (u32, &Token)> {
        self.iter().filter(|(_, token)| token.is_text())
    }

    /// The tokens in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Token)> {
        (0u32..).zip(&self.tokens).filter_map(|(id, token)| Some((id, token.as_ref()?)))
    }
}

/// The character of a text that is only one.
pub(crate) fn single_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// The byte of a token written as `<0x0A>`.
pub(crate) fn byte_of_text(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    // `from_str_radix` would also take a sign.
    (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| u8::from_str_radix(digits, 16).ok())?
}
