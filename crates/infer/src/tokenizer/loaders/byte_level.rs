//! Tables of byte-level vocabularies.

use std::collections::HashMap;

use super::super::byte_alphabet;
use super::super::vocabulary::{Token, single_char};

/// The token of each byte, if it is one of `tokens`. Vocabularies may lack bytes that no UTF-8 text
/// has.
pub(in super::super) fn byte_ids<'a>(
    tokens: impl Iterator<Item = (u32, &'a Token)>,
) -> Box<[Option<u32>; 256]> {
    let mut ids = Box::new([None; 256]);
    for (id, token) in tokens {
        if let Some(byte) = single_char(&token.text).and_then(byte_alphabet::byte) {
            ids[usize::from(byte)] = Some(id);
        }
    }
    ids
}

/// The tokens that a whole word may be, by the bytes of the word.
pub(in super::super) fn whole_words<'a>(
    tokens: impl Iterator<Item = (u32, &'a Token)>,
) -> HashMap<Box<[u8]>, u32> {
    tokens.filter_map(|(id, token)| Some((byte_alphabet::bytes(&token.text)?.into(), id))).collect()
}
