//! Text to token ids and back.
//!
//! Both families of vocabularies are *byte-pair encoding* (Sennrich, Haddow and Birch 2016,
//! [Neural Machine Translation of Rare Words with Subword
//! Units](https://arxiv.org/abs/1508.07909)). A word is first cut into the symbols of an alphabet.
//! A list ranks pairs of symbols (a, b) that merge into one, ab; of all neighbours in the word the
//! pair of lowest rank merges first, of equal ranks the leftmost, until no neighbours are in the
//! list. What is left are the tokens. The families differ in three things:
//!
//! | | byte-level (GPT-2, Llama 3, SmolLM, Qwen 2) | SentencePiece (LLaMA 1 and 2, TinyLlama) |
//! |---|---|---|
//! | alphabet | the 256 bytes, each written as a character | the characters of the vocabulary, `▁` for a space; others become the bytes `<0x00>` to `<0xFF>`, or the unknown token |
//! | words | cut by a pattern before | the whole text is one word |
//! | ranks | the order of a list of merges | the scores of the tokens: a pair merges if its joined text is a token, the token with the highest score first (Kudo and Richardson 2018, [SentencePiece](https://arxiv.org/abs/1808.06226)) |
//!
//! Decoding joins the texts of the tokens and goes back from the alphabet to bytes.
//!
//! The folders are the order of the work: `normalizers` rewrite the text, `pre_tokenizers` cut it
//! into words, `models` turn words into ids, `decoders` go back. `loaders` build the same pipeline
//! from each kind of file, so that the same model gives the same ids whichever file it came from.
//!
//! Held against the `tokenizers` and `sentencepiece` libraries in `tests/infer/tokenizer_golden.rs` and
//! against published vectors in `tests/infer/tokenizer_vectors.rs`.

mod added_tokens;
mod byte_alphabet;
mod decoders;
mod fault;
mod loaders;
mod models;
mod normalizers;
mod post_processor;
mod pre_tokenizers;
mod special_ids;
mod stream;
mod train;
mod unicode_classes;
mod vocabulary;
mod writers;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use added_tokens::{AddedTokens, Section};
use decoders::{Decoder, Progress};
use models::{Bpe, Scratch};
use normalizers::Normalizer;
use post_processor::PostProcessor;
use pre_tokenizers::{PreTokenizer, pre_tokenize};
use special_ids::SpecialIds;
use vocabulary::Vocabulary;

pub use fault::TokenizerFault;
pub use stream::TokenStream;
pub use train::{ByteBpeTrainer, train_byte_bpe};
pub use vocabulary::TokenKind;
pub use writers::GgufVocabulary;

/// What encoding does beyond the text itself.
///
/// # Examples
///
/// ```
/// use ulp_infer::{EncodeOptions, train_byte_bpe};
///
/// let tokenizer = train_byte_bpe(["hm"], 258, &["<s>", "<|end|>"])?;
/// let tokenizer = tokenizer.with_bos_eos(Some(0), Some(1), true);
/// // From a user: nothing in it is a mark.
/// assert_eq!(tokenizer.encode("<|end|>", EncodeOptions::TEXT).len(), 7);
/// assert_eq!(tokenizer.encode("<|end|>", EncodeOptions::PROMPT)[0], 0);
/// // From a chat template: marks are written as text.
/// assert_eq!(tokenizer.encode("<s><|end|>", EncodeOptions::TEMPLATE), [0, 1]);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Put the special tokens around the text that the model was trained with, such as the
    /// beginning of a sequence.
    pub add_special: bool,
    /// Read special tokens written in the text (`<|im_start|>`) as these tokens. Leave this off
    /// for text from outside: with it on, a user can write marks of the chat format.
    pub parse_special: bool,
}

impl EncodeOptions {
    /// Plain text: nothing is added and nothing in it is special.
    pub const TEXT: Self = EncodeOptions { add_special: false, parse_special: false };
    /// A prompt: special tokens are added, and nothing in the text is special.
    pub const PROMPT: Self = EncodeOptions { add_special: true, parse_special: false };
    /// A rendered chat template: special tokens stand in the text, and none is added.
    pub const TEMPLATE: Self = EncodeOptions { add_special: false, parse_special: true };
}

/// Turns text into token ids and back.
///
/// Cloning costs a reference count.
///
/// # Examples
///
/// ```
/// use ulp_infer::{EncodeOptions, train_byte_bpe};
///
/// let tokenizer = train_byte_bpe(["a rose is a rose is a rose"], 300, &["<|end|>"])?;
/// let ids = tokenizer.encode("a rose, a rose", EncodeOptions::TEXT);
/// assert_eq!(tokenizer.decode(&ids), "a rose, a rose");
/// assert!(ids.len() < "a rose, a rose".len());
/// assert_eq!(tokenizer.encode("<|end|>", EncodeOptions::TEMPLATE), [0]);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Clone)]
pub struct Tokenizer {
    parts: Arc<Parts>,
    /// Buffers and word caches of earlier calls, one for each thread that encoded at once.
    scratch: Arc<Mutex<Vec<Scratch>>>,
}

/// The pipeline.
#[derive(Clone, Debug)]
struct Parts {
    vocabulary: Vocabulary,
    added: AddedTokens,
    normalizers: Vec<Normalizer>,
    pre_tokenizers: Vec<PreTokenizer>,
    model: Bpe,
    post_processor: PostProcessor,
    decoder: Decoder,
    special: SpecialIds,
}

impl Tokenizer {
    fn from_parts(parts: Parts) -> Self {
        Tokenizer { parts: Arc::new(parts), scratch: Arc::default() }
    }

    /// The same tokenizer with other special tokens around a text.
    #[must_use]
    fn with_parts(&self, change: impl FnOnce(&mut Parts)) -> Self {
        let mut parts = (*self.parts).clone();
        change(&mut parts);
        Tokenizer::from_parts(parts)
    }

    /// The token ids of `text`.
    ///
    /// Takes time proportional to the text, up to a logarithm in the length of its longest word.
    /// Text that a vocabulary without byte tokens and without an unknown token does not cover is
    /// left out, as the model's own library does.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{EncodeOptions, train_byte_bpe};
    ///
    /// let tokenizer = train_byte_bpe(["low low lower"], 260, &[])?;
    /// // Learned first: `l` and `o` merge, then `lo` and `w`.
    /// let ids = tokenizer.encode("low", EncodeOptions::TEXT);
    /// let texts: Vec<_> = ids.iter().map(|&id| tokenizer.token_text(id).unwrap()).collect();
    /// assert_eq!(texts, ["low"]);
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Vec<u32> {
        let parts = &*self.parts;
        let mut ids = Vec::with_capacity(text.len() / 3 + 2);
        if options.add_special {
            ids.extend(&parts.post_processor.prefix);
        }
        let mut scratch = self.take_scratch();
        for section in parts.added.split_raw(text, options.parse_special) {
            match section {
                Section::Token(id) => ids.push(id),
                Section::Text(text, at_start) => {
                    parts.encode_raw(text, at_start, options, &mut scratch, &mut ids);
                }
            }
        }
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        if options.add_special {
            ids.extend(&parts.post_processor.suffix);
        }
        ids
    }

    fn take_scratch(&self) -> Scratch {
        let mut pool = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        pool.pop().unwrap_or_default()
    }

    /// The text of `ids`. Special tokens are left out; bytes that are not UTF-8 become U+FFFD, as
    /// does an id outside the vocabulary.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{EncodeOptions, train_byte_bpe};
    ///
    /// let tokenizer = train_byte_bpe([""], 257, &["<|end|>"])?;
    /// let mut ids = tokenizer.encode("né🦙", EncodeOptions::TEXT);
    /// ids.push(0); // <|end|>
    /// assert_eq!(tokenizer.decode(&ids), "né🦙");
    /// assert_eq!(tokenizer.decode_with_special(&ids), "né🦙<|end|>");
    /// assert_eq!(tokenizer.decode(&ids[..2]), "n\u{FFFD}"); // half of the é
    /// assert_eq!(tokenizer.decode_bytes(&ids[..2]), b"n\xC3");
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    pub fn decode(&self, ids: &[u32]) -> String {
        match String::from_utf8(self.decode_bytes(ids)) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// The text of `ids` with the text of special tokens.
    pub fn decode_with_special(&self, ids: &[u32]) -> String {
        String::from_utf8_lossy(&self.parts.decode(ids, true)).into_owned()
    }

    /// The bytes that `ids` stand for, which end inside a character where the ids do.
    pub fn decode_bytes(&self, ids: &[u32]) -> Vec<u8> {
        self.parts.decode(ids, false)
    }

    /// Decodes one id at a time; special tokens are left out. See [`TokenStream`].
    pub fn stream(&self) -> TokenStream {
        TokenStream::new(Arc::clone(&self.parts), false)
    }

    /// Decodes one id at a time, with the text of special tokens. See [`TokenStream`].
    pub fn stream_with_special(&self) -> TokenStream {
        TokenStream::new(Arc::clone(&self.parts), true)
    }

    /// One more than the largest id. A model's output may be wider: rows are often padded.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{TokenKind, train_byte_bpe};
    ///
    /// let tokenizer = train_byte_bpe([""], 257, &["<s>"])?.with_bos_eos(Some(0), None, true);
    /// assert_eq!(tokenizer.vocab_size(), 257);
    /// assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(0), None));
    /// assert!(tokenizer.adds_bos() && tokenizer.is_special(0) && !tokenizer.is_eog(0));
    /// // Byte-level vocabularies write a space as Ġ.
    /// let space = tokenizer.token_id("Ġ").unwrap();
    /// assert_eq!(tokenizer.token_text(space), Some("Ġ"));
    /// assert_eq!(tokenizer.token_kind(space), Some(TokenKind::Normal));
    /// assert_eq!(tokenizer.decode(&[space]), " ");
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    pub fn vocab_size(&self) -> usize {
        self.parts.vocabulary.len()
    }

    /// The token that begins a sequence.
    pub fn bos_id(&self) -> Option<u32> {
        self.parts.special.bos
    }

    /// The token that ends a sequence.
    pub fn eos_id(&self) -> Option<u32> {
        self.parts.special.eos
    }

    /// The token that stands for text the vocabulary does not cover.
    pub fn unknown_id(&self) -> Option<u32> {
        self.parts.special.unknown
    }

    /// All tokens at which generation ends, in ascending order: [`eos_id`](Self::eos_id) and the
    /// marks that end a turn.
    pub fn eog_ids(&self) -> &[u32] {
        &self.parts.special.eog
    }

    /// True if generation ends at this token.
    pub fn is_eog(&self, id: u32) -> bool {
        self.parts.special.eog.binary_search(&id).is_ok()
    }

    /// True if encoding with [`EncodeOptions::add_special`] begins with [`bos_id`](Self::bos_id).
    pub fn adds_bos(&self) -> bool {
        self.bos_id().is_some_and(|bos| self.parts.post_processor.prefix.first() == Some(&bos))
    }

    /// The bytes that a token stands for in the middle of a text: marks have their text, ids without
    /// a token none. They may be a part of a character.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::train_byte_bpe;
    ///
    /// let tokenizer = train_byte_bpe([""], 257, &["<s>"])?;
    /// let space = tokenizer.token_id("Ġ").unwrap();
    /// assert_eq!(tokenizer.token_bytes(space), b" ");
    /// assert_eq!(tokenizer.token_bytes(0), b"<s>");
    /// assert!(tokenizer.token_bytes(999).is_empty());
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    pub fn token_bytes(&self, id: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.parts.vocabulary.get(id).is_some() {
            let mut progress = self.parts.decoder.inside();
            self.parts.decode_one(id, true, &mut progress, &mut bytes);
        }
        bytes
    }

    /// The text of a token as the vocabulary writes it: `Ġ` or `▁` for a space, `<0x0A>` for a byte.
    pub fn token_text(&self, id: u32) -> Option<&str> {
        self.parts.vocabulary.get(id).map(|token| &*token.text)
    }

    /// The token that the vocabulary writes so.
    pub fn token_id(&self, text: &str) -> Option<u32> {
        self.parts.vocabulary.id(text)
    }

    /// What a token is for.
    pub fn token_kind(&self, id: u32) -> Option<TokenKind> {
        self.parts.vocabulary.get(id).map(|token| token.kind)
    }

    /// True for a mark that is not text.
    pub fn is_special(&self, id: u32) -> bool {
        matches!(self.token_kind(id), Some(TokenKind::Control | TokenKind::Unknown))
    }

    /// The same tokenizer with other tokens in the parts of the beginning and the end of a
    /// sequence; `add_bos` says whether [`EncodeOptions::add_special`] puts the first one.
    ///
    /// # Panics
    ///
    /// If an id is not in the vocabulary, or `add_bos` is asked for without `bos`.
    #[must_use]
    #[track_caller]
    pub fn with_bos_eos(&self, bos: Option<u32>, eos: Option<u32>, add_bos: bool) -> Self {
        for id in bos.iter().chain(&eos) {
            assert!(self.token_kind(*id).is_some(), "no token {id} of {}", self.vocab_size());
        }
        assert!(bos.is_some() || !add_bos, "add_bos without a token that begins a sequence");
        self.with_parts(|parts| {
            parts.special.bos = bos;
            parts.special.eos = eos;
            parts.special.eog.clear();
            parts.special.collect_eog(&parts.vocabulary, &[]);
            parts.post_processor.prefix = bos.filter(|_| add_bos).into_iter().collect();
            parts.post_processor.suffix.clear();
        })
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("special", &self.parts.special)
            .finish_non_exhaustive()
    }
}

impl Parts {
    /// Appends the ids of a section between tokens that stand in the text as it came in.
    fn encode_raw(
        &self,
        text: &str,
        at_start: bool,
        options: EncodeOptions,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
    ) {
        let text = normalize(&self.normalizers, text);
        for section in self.added.split_normalized(&text, at_start, options.parse_special) {
            match section {
                Section::Token(id) => ids.push(id),
                Section::Text(text, at_start) => {
                    pre_tokenize(&self.pre_tokenizers, text, at_start, &mut |word| {
                        self.model.encode(word, scratch, ids);
                    });
                }
            }
        }
    }

    fn decode(&self, ids: &[u32], with_special: bool) -> Vec<u8> {
        let mut progress = self.decoder.start();
        let mut bytes = Vec::with_capacity(4 * ids.len());
        for &id in ids {
            self.decode_one(id, with_special, &mut progress, &mut bytes);
        }
        bytes
    }

    /// Appends the bytes of one token.
    fn decode_one(
        &self,
        id: u32,
        with_special: bool,
        progress: &mut Progress,
        bytes: &mut Vec<u8>,
    ) {
        let Some(token) = self.vocabulary.get(id) else {
            return bytes.extend("\u{FFFD}".bytes());
        };
        if matches!(token.kind, TokenKind::Control | TokenKind::Unknown) && !with_special {
            return;
        }
        match self.added.get(id) {
            Some((added, form)) if added.normalized => {
                self.decoder.append_normalized(form, progress, bytes);
            }
            Some((_, form)) => self.decoder.append_verbatim(form, progress, bytes),
            None => self.decoder.append(token, progress, bytes),
        }
    }
}

/// Applies all rewritings in order.
fn normalize<'a>(normalizers: &[Normalizer], text: &'a str) -> Cow<'a, str> {
    normalizers.iter().fold(Cow::Borrowed(text), |text, normalizer| normalizer.apply(text))
}
