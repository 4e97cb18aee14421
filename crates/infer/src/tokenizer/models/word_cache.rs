//! Words already encoded.

use std::collections::HashMap;
use std::ops::Range;

/// Longer words are rare and seldom repeat.
const MAX_WORD: usize = 64;
/// Words kept; 2^16 of them cover nearly all repeats of natural text in about 4 MB.
const MAX_WORDS: usize = 1 << 16;

/// The ids of words seen before. Text follows Zipf's law: few words make most of it.
///
/// The map keeps the standard library's keyed hash, since its keys come from outside.
#[derive(Default)]
pub(super) struct WordCache {
    words: HashMap<Box<[u8]>, Range<u32>>,
    ids: Vec<u32>,
}

impl WordCache {
    pub(super) fn get(&self, word: &[u8]) -> Option<&[u32]> {
        let range = self.words.get(word)?;
        Some(&self.ids[range.start as usize..range.end as usize])
    }

    /// Keeps the ids of a word, if it is short. A full cache starts afresh.
    pub(super) fn insert(&mut self, word: &[u8], ids: &[u32]) {
        if word.len() > MAX_WORD {
            return;
        }
        if self.words.len() == MAX_WORDS {
            self.words.clear();
            self.ids.clear();
        }
        // At most 2^16 words of at most 64 bytes and so 64 ids (256 where a byte is several
        // tokens, which no model does): far below 2^32.
        let start = self.ids.len() as u32;
        self.ids.extend_from_slice(ids);
        self.words.insert(word.into(), start..self.ids.len() as u32);
    }
}
