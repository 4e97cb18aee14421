//! Byte-pair encoding: merge the neighbours that rank first until none can be merged.
//!
//! Sennrich, Haddow and Birch, [Neural Machine Translation of Rare Words with Subword
//! Units](https://arxiv.org/abs/1508.07909).

use std::collections::HashMap;

use super::super::vocabulary::{Token, Vocabulary};
use super::merges::Merges;
use super::symbols::{MAX_WORD, NO_ID, Symbols};
use super::word_cache::WordCache;

/// The mark that SentencePiece writes for a space.
pub(crate) const SPACE_MARK: char = '\u{2581}';

/// What a word is first cut into.
#[derive(Clone, Debug)]
pub(crate) enum Alphabet {
    /// Bytes: the token of each.
    Bytes(Box<[Option<u32>; 256]>),
    /// Characters: the symbol of each. A number from the vocabulary's length on is a symbol that
    /// can merge but is no token.
    Characters(HashMap<char, u32>),
}

/// What becomes of a symbol that is no token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unknown {
    /// The tokens of its bytes, if the vocabulary has them all.
    pub(crate) bytes: Option<Box<[Option<u32>; 256]>>,
    /// Otherwise this token; without one the symbol is left out.
    pub(crate) id: Option<u32>,
    /// Write neighbouring unknown symbols as one token.
    pub(crate) fuse: bool,
}

/// A word model.
#[derive(Clone, Debug)]
pub(crate) struct Bpe {
    pub(crate) alphabet: Alphabet,
    pub(crate) merges: Merges,
    pub(crate) unknown: Unknown,
    /// Words that are tokens, taken whole even where no row of merges makes them (Llama 3).
    whole_words: Option<HashMap<Box<[u8]>, u32>>,
    /// Tokens that no text becomes although merges make them: marks, and tokens marked unused. Each
    /// is written as the pair that merges first into it.
    taken_apart: HashMap<u32, (u32, u32)>,
    /// True if the space mark is a symbol that no merge joins to a character on its left: then no
    /// merge reaches over the start of a word, and words can be encoded one by one.
    words_are_apart: bool,
    /// One more than the largest token.
    vocabulary: u32,
}

/// What encoding reuses from word to word.
#[derive(Default)]
pub(crate) struct Scratch {
    symbols: Symbols,
    cache: WordCache,
}

impl Bpe {
    pub(crate) fn new(
        vocabulary: &Vocabulary,
        alphabet: Alphabet,
        merges: Merges,
        unknown: Unknown,
    ) -> Self {
        let sorted = merges.sorted();
        let words_are_apart = match &alphabet {
            Alphabet::Bytes(_) => false,
            Alphabet::Characters(characters) => characters.contains_key(&SPACE_MARK),
        } && sorted.iter().all(|(_, merge)| {
            let text = vocabulary.get(merge.id).map_or("", |token| &token.text);
            text.trim_start_matches(SPACE_MARK).find(SPACE_MARK).is_none()
        });
        let mut taken_apart = HashMap::new();
        let is_empty = |id| vocabulary.get(id).is_some_and(|token| token.text.is_empty());
        for (pair, merge) in sorted {
            // A part without text would never end: the other is the whole.
            let is_whole = is_empty(pair.0) || is_empty(pair.1);
            if !is_whole && !vocabulary.get(merge.id).is_some_and(Token::is_text) {
                taken_apart.entry(merge.id).or_insert(pair);
            }
        }
        Bpe {
            alphabet,
            merges,
            unknown,
            whole_words: None,
            taken_apart,
            words_are_apart,
            vocabulary: vocabulary.len() as u32,
        }
    }

    /// Takes a word that is a token whole.
    pub(crate) fn with_whole_words(mut self, words: HashMap<Box<[u8]>, u32>) -> Self {
        self.whole_words = Some(words);
        // What is whole is the word as it comes, not its parts.
        self.words_are_apart = false;
        self
    }

    /// True if words that are tokens are taken whole.
    pub(crate) fn has_whole_words(&self) -> bool {
        self.whole_words.is_some()
    }

    /// True if merges make this token, but no text becomes it.
    pub(crate) fn takes_apart(&self, id: u32) -> bool {
        self.taken_apart.contains_key(&id)
    }

    /// Appends the ids of a word.
    pub(crate) fn encode(&self, word: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) {
        let mut after_unknown = false;
        if !self.words_are_apart {
            return self.encode_part(word, scratch, ids, &mut after_unknown);
        }
        let mut start = 0;
        for (at, _) in word.match_indices(SPACE_MARK) {
            // A row of marks stays together: vocabularies have tokens for indentation.
            if at > start && !word[start..at].ends_with(SPACE_MARK) {
                self.encode_part(&word[start..at], scratch, ids, &mut after_unknown);
                start = at;
            }
        }
        if start < word.len() {
            self.encode_part(&word[start..], scratch, ids, &mut after_unknown);
        }
    }

    fn encode_part(
        &self,
        word: &str,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
        after_unknown: &mut bool,
    ) {
        if let Some(known) = scratch.cache.get(word.as_bytes()) {
            *after_unknown = false;
            ids.extend_from_slice(known);
            return;
        }
        let first = ids.len();
        if let Some(id) = self.whole_words.as_ref().and_then(|words| words.get(word.as_bytes())) {
            ids.push(*id);
        } else {
            if word.len() > MAX_WORD {
                let (first, rest) = word.split_at(boundary_before(word, MAX_WORD));
                self.encode_part(first, scratch, ids, after_unknown);
                return self.encode_part(rest, scratch, ids, after_unknown);
            }
            self.cut(word, &mut scratch.symbols);
            scratch.symbols.merge(&self.merges);
            if self.write(word, &scratch.symbols, ids, after_unknown) {
                // What an unknown symbol becomes depends on the one before this word.
                return;
            }
        }
        *after_unknown = false;
        scratch.cache.insert(word.as_bytes(), &ids[first..]);
    }

    /// Cuts a word into symbols of the alphabet. One that nothing can be written for is left out,
    /// and its neighbours may merge.
    fn cut(&self, word: &str, symbols: &mut Symbols) {
        symbols.clear();
        let writes_unknown = self.unknown.id.is_some() || self.unknown.bytes.is_some();
        let mut push = |id: Option<u32>, start, end| match id {
            Some(id) => symbols.push(id, start, end),
            None if writes_unknown => symbols.push(NO_ID, start, end),
            None => {}
        };
        match &self.alphabet {
            Alphabet::Bytes(ids) => {
                for (start, &byte) in word.as_bytes().iter().enumerate() {
                    push(ids[usize::from(byte)], start, start + 1);
                }
            }
            Alphabet::Characters(ids) => {
                for (start, c) in word.char_indices() {
                    push(ids.get(&c).copied(), start, start + c.len_utf8());
                }
            }
        }
    }

    /// Appends the ids of merged symbols. True if one was unknown.
    fn write(
        &self,
        word: &str,
        symbols: &Symbols,
        ids: &mut Vec<u32>,
        after_unknown: &mut bool,
    ) -> bool {
        let mut any_unknown = false;
        for (id, start, end) in symbols.iter() {
            if id < self.vocabulary {
                self.write_token(id, ids);
                *after_unknown = false;
                continue;
            }
            let bytes = &word.as_bytes()[start..end];
            if self.write_bytes(bytes, ids) {
                *after_unknown = false;
                continue;
            }
            any_unknown = true;
            if let Some(id) = self.unknown.id
                && !(self.unknown.fuse && *after_unknown)
            {
                ids.push(id);
            }
            *after_unknown = true;
        }
        any_unknown
    }

    /// Appends the tokens of bytes; false, and nothing is written, if one of them has none.
    fn write_bytes(&self, bytes: &[u8], ids: &mut Vec<u32>) -> bool {
        let Some(tokens) = &self.unknown.bytes else { return false };
        if bytes.iter().any(|&byte| tokens[usize::from(byte)].is_none()) {
            return false;
        }
        ids.extend(bytes.iter().filter_map(|&byte| tokens[usize::from(byte)]));
        true
    }

    /// Appends a token, or the parts that it is written as. The parts of a token are shorter than
    /// it, so their number is bounded by the token's length; it is kept on the heap.
    fn write_token(&self, id: u32, ids: &mut Vec<u32>) {
        if !self.taken_apart.contains_key(&id) {
            return ids.push(id);
        }
        let mut rest = vec![id];
        while let Some(id) = rest.pop() {
            match self.taken_apart.get(&id) {
                Some(&(left, right)) if left < self.vocabulary && right < self.vocabulary => {
                    rest.extend([right, left]);
                }
                _ => ids.push(id),
            }
        }
    }
}

/// The last place up to `end` that does not split a character.
fn boundary_before(text: &str, mut end: usize) -> usize {
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
