//! Tables of byte-level vocabularies.

use std::collections::HashMap;

use super::super::byte_alphabet;
use super::super::vocabulary::{TokenKind, Vocabulary};

/// The token of each byte. Vocabularies may lack bytes that no UTF-8 text has.
pub(in super::super) fn byte_ids(vocabulary: &Vocabulary) -> Box<[Option<u32>; 256]> {
    let mut ids = Box::new([None; 256]);
    for byte in 0..=255 {
        let text = String::from(byte_alphabet::character(byte));
        ids[usize::from(byte)] = vocabulary.id(&text);
    }
    ids
}

/// The tokens that a whole word may be, by the bytes of the word.
pub(in super::super) fn whole_words(vocabulary: &Vocabulary) -> HashMap<Box<[u8]>, u32> {
    vocabulary
        .iter()
        .filter(|(_, token)| token.kind == TokenKind::Normal)
        .filter_map(|(id, token)| Some((byte_alphabet::bytes(&token.text)?.into(), id)))
        .collect()
}
