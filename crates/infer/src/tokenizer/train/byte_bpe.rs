//! Learning a byte-level vocabulary.
//!
//! Start with one token a byte. Again and again, make a token of the two neighbours that occur
//! most often (Sennrich, Haddow and Birch, <https://arxiv.org/abs/1508.07909>). The counts are kept
//! up to date instead of counted anew: a merge changes only the words that contain its pair.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::super::added_tokens::{AddedToken, AddedTokens, Section};
use super::super::byte_alphabet;
use super::super::decoders::Decoder;
use super::super::fault::TokenizerFault;
use super::super::loaders::byte_ids;
use super::super::models::merges::{Merge, Merges};
use super::super::models::{Alphabet, Bpe, Unknown};
use super::super::post_processor::PostProcessor;
use super::super::pre_tokenizers::{Family, PreTokenizer, pre_tokenize};
use super::super::special_ids::SpecialIds;
use super::super::vocabulary::{Token, TokenKind, Vocabulary};
use super::super::{Parts, Tokenizer};
use crate::error::InferError;

type Pair = (u32, u32);

/// Learns a byte-level vocabulary, whose words are cut as SmolLM cuts them: by GPT-2's pattern,
/// with each digit by itself.
///
/// The same texts in any order give the same vocabulary: of pairs that occur equally often, the
/// one with the smaller ids comes first.
///
/// Ids: the special tokens in the order given, then the 256 bytes, then the merges.
///
/// # Examples
///
/// ```
/// use ulp_infer::{ByteBpeTrainer, EncodeOptions};
///
/// let trainer = ByteBpeTrainer::new(260).specials(&["<|end|>"]).min_frequency(3);
/// let tokenizer = trainer.train(["a banana, a banana, a banana"])?;
/// // Byte pairs by frequency: `an` six times, then ` ban` and so on from what is left.
/// assert_eq!(tokenizer.token_text(257), Some("an"));
/// assert_eq!(tokenizer.vocab_size(), 260);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ByteBpeTrainer {
    vocab_size: usize,
    specials: Vec<String>,
    min_frequency: u64,
}

/// Learns a vocabulary of at most `vocab_size` tokens; see [`ByteBpeTrainer`].
///
/// # Examples
///
/// ```
/// use ulp_infer::train_byte_bpe;
///
/// let tokenizer = train_byte_bpe(["low, lower, lowest"], 259, &["<|end|>"])?;
/// assert_eq!((tokenizer.token_text(257), tokenizer.token_text(258)), (Some("lo"), Some("low")));
/// assert!(train_byte_bpe([""], 256, &["<|end|>"]).is_err()); // no room for 256 bytes and a mark
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
///
/// # Errors
///
/// As [`ByteBpeTrainer::train`].
pub fn train_byte_bpe<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
    vocab_size: usize,
    specials: &[&str],
) -> Result<Tokenizer, InferError> {
    ByteBpeTrainer::new(vocab_size).specials(specials).train(texts)
}

impl ByteBpeTrainer {
    /// A vocabulary of at most `vocab_size` tokens.
    pub fn new(vocab_size: usize) -> Self {
        ByteBpeTrainer { vocab_size, specials: Vec::new(), min_frequency: 2 }
    }

    /// Marks that are no text. Where they stand in the texts, the text is cut.
    #[must_use]
    pub fn specials(mut self, specials: &[&str]) -> Self {
        self.specials = specials.iter().map(|&text| text.into()).collect();
        self
    }

    /// How often a pair must occur to become a token; 2 unless set.
    #[must_use]
    pub fn min_frequency(mut self, times: u64) -> Self {
        self.min_frequency = times;
        self
    }

    /// Learns from texts. The vocabulary is smaller than asked for if no pair occurs often enough.
    ///
    /// Which tokens begin and end a sequence is set with
    /// [`Tokenizer::with_bos_eos`](crate::Tokenizer::with_bos_eos).
    ///
    /// # Errors
    ///
    /// If the vocabulary has no room for the bytes and the special tokens, or if a special token
    /// repeats or is also a byte's.
    pub fn train<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Tokenizer, InferError> {
        let mut vocabulary = self.first_tokens()?;
        let limit = self.limit()?;
        let added = self.added_tokens()?;
        let pre_tokenizers = Family::smollm().pre_tokenizers();
        let mut words = Words::count(texts, &added, &pre_tokenizers, self.specials.len() as u32);
        let mut merges = Merges::default();
        let mut rank = 0;
        while vocabulary.len() < self.vocab_size
            && let Some(pair) = words.most_frequent(self.min_frequency)
        {
            let Some(id) = product(&mut vocabulary, pair, limit) else {
                words.forbid(pair);
                continue;
            };
            merges.insert(pair, Merge { rank, id });
            rank += 1;
            words.merge(pair, id);
        }
        Ok(self.tokenizer(vocabulary, merges, added, pre_tokenizers))
    }

    fn error(&self, field: &str, fault: TokenizerFault) -> InferError {
        InferError::Tokenizer { file: "tokenizer training".into(), field: field.into(), fault }
    }

    fn limit(&self) -> Result<u32, InferError> {
        let needed = self.specials.len() + 256;
        if self.vocab_size < needed {
            let fault = TokenizerFault::VocabularyTooSmall { needed, available: self.vocab_size };
            return Err(self.error("vocab_size", fault));
        }
        u32::try_from(self.vocab_size).map_err(|_| {
            let value = self.vocab_size.to_string();
            self.error("vocab_size", TokenizerFault::Unsupported { value })
        })
    }

    /// The special tokens and the bytes.
    fn first_tokens(&self) -> Result<Vocabulary, InferError> {
        let limit = self.limit()?;
        let mut vocabulary = Vocabulary::default();
        let specials = self.specials.iter().map(|text| (text.clone(), TokenKind::Control));
        let bytes = (0..=255).map(|byte| (byte_alphabet::text(&[byte]), TokenKind::Normal));
        for (id, (text, kind)) in (0..).zip(specials.chain(bytes)) {
            vocabulary
                .insert(id, Token { text: text.into(), kind, score: 0.0 }, limit)
                .map_err(|fault| self.error("specials", fault))?;
        }
        Ok(vocabulary)
    }

    fn added_tokens(&self) -> Result<AddedTokens, InferError> {
        let tokens = (0..).zip(&self.specials).map(|(id, text)| AddedToken::new(id, text, true));
        AddedTokens::new(tokens.collect(), str::to_owned)
            .map_err(|fault| self.error("specials", fault))
    }

    fn tokenizer(
        &self,
        vocabulary: Vocabulary,
        merges: Merges,
        added: AddedTokens,
        pre_tokenizers: Vec<PreTokenizer>,
    ) -> Tokenizer {
        let alphabet = Alphabet::Bytes(byte_ids(vocabulary.texts()));
        let model = Bpe::new(&vocabulary, alphabet, merges, Unknown::default());
        let mut special = SpecialIds::default();
        special.collect_eog(&vocabulary, &[]);
        Tokenizer::from_parts(Parts {
            vocabulary,
            added,
            normalizers: Vec::new(),
            pre_tokenizers,
            model,
            post_processor: PostProcessor::default(),
            decoder: Decoder::ByteLevel,
            special,
        })
    }
}

/// The token that a pair becomes, made if it does not exist: another pair may have made it before.
/// `None` if its text is a special token's, which text must never become.
fn product(vocabulary: &mut Vocabulary, (left, right): Pair, limit: u32) -> Option<u32> {
    let text = |id| vocabulary.get(id).map_or("", |token| &*token.text);
    let text = [text(left), text(right)].concat();
    if let Some(id) = vocabulary.id(&text) {
        return vocabulary.get(id).filter(|t| t.kind == TokenKind::Normal).map(|_| id);
    }
    let id = vocabulary.len() as u32;
    let token = Token { text: text.into(), kind: TokenKind::Normal, score: 0.0 };
    vocabulary.insert(id, token, limit).ok().map(|()| id)
}

/// The words of the texts, and how often each pair of neighbours occurs in them.
struct Words {
    words: Vec<Word>,
    pairs: HashMap<Pair, PairCount>,
    /// Pairs by count. A count may be out of date; it is then too high or noted again.
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
}

struct Word {
    symbols: Vec<u32>,
    count: u64,
}

#[derive(Default)]
struct PairCount {
    count: u64,
    /// The words that contain the pair, or did.
    words: Vec<usize>,
}

impl Words {
    fn count<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
        added: &AddedTokens,
        pre_tokenizers: &[PreTokenizer],
        first_byte: u32,
    ) -> Self {
        let mut counts: HashMap<Box<str>, u64> = HashMap::new();
        for text in texts {
            for section in added.split_raw(text.as_ref(), true) {
                let Section::Text(text, at_start) = section else { continue };
                pre_tokenize(
                    pre_tokenizers,
                    text,
                    at_start,
                    &mut |word| match counts.get_mut(word) {
                        Some(count) => *count += 1,
                        None => _ = counts.insert(word.into(), 1),
                    },
                );
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        let symbols = |word: &str| word.bytes().map(|byte| first_byte + u32::from(byte)).collect();
        let words =
            counts.iter().map(|(word, count)| Word { symbols: symbols(word), count: *count });
        let mut words =
            Words { words: words.collect(), pairs: HashMap::new(), queue: BinaryHeap::new() };
        for word in 0..words.words.len() {
            words.add_pairs(word);
        }
        let queue = words.pairs.iter().map(|(&pair, count)| (count.count, Reverse(pair)));
        words.queue = queue.collect();
        words
    }

    /// Counts the pairs of a word, and returns them.
    fn add_pairs(&mut self, word: usize) -> Vec<Pair> {
        let Word { symbols, count } = &self.words[word];
        let pairs: Vec<Pair> = neighbours(symbols).collect();
        for pair in &pairs {
            let entry = self.pairs.entry(*pair).or_default();
            entry.count += count;
            if entry.words.last() != Some(&word) {
                entry.words.push(word);
            }
        }
        pairs
    }

    /// The pair that occurs most often, of several the smallest, if it occurs often enough.
    fn most_frequent(&mut self, min_frequency: u64) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.pairs.get(&pair).map_or(0, |entry| entry.count);
            if now == count && count >= min_frequency.max(1) {
                return Some(pair);
            }
            if now > 0 && now < count {
                self.queue.push((now, Reverse(pair)));
            }
        }
        None
    }

    /// Forgets a pair.
    fn forbid(&mut self, pair: Pair) {
        self.pairs.remove(&pair);
    }

    /// Writes `id` for the pair wherever it occurs.
    fn merge(&mut self, pair: Pair, id: u32) {
        let Some(PairCount { words: mut places, .. }) = self.pairs.remove(&pair) else { return };
        places.sort_unstable();
        places.dedup();
        let mut changed = Vec::new();
        for place in places {
            let Word { symbols, count } = &mut self.words[place];
            if !neighbours(symbols).any(|other| other == pair) {
                continue;
            }
            for old in neighbours(symbols) {
                if let Some(entry) = self.pairs.get_mut(&old) {
                    entry.count -= *count;
                }
            }
            replace(symbols, pair, id);
            changed.extend(self.add_pairs(place));
        }
        // The pair is gone from every word: a row such as `aaa` keeps none of it.
        changed.sort_unstable();
        changed.dedup();
        for pair in changed {
            self.queue.push((self.pairs[&pair].count, Reverse(pair)));
        }
    }
}

fn neighbours(symbols: &[u32]) -> impl Iterator<Item = Pair> + '_ {
    symbols.windows(2).map(|pair| (pair[0], pair[1]))
}

/// Writes `id` for each occurrence of `pair`, from left to right.
fn replace(symbols: &mut Vec<u32>, (left, right): Pair, id: u32) {
    let mut kept = 0;
    let mut at = 0;
    while at < symbols.len() {
        let is_pair = symbols[at] == left && symbols.get(at + 1) == Some(&right);
        symbols[kept] = if is_pair { id } else { symbols[at] };
        kept += 1;
        at += if is_pair { 2 } else { 1 };
    }
    symbols.truncate(kept);
}
