//! A tokenizer from the metadata of a GGUF file
//! ([specification](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer)).

use super::super::added_tokens::{AddedToken, AddedTokens};
use super::super::decoders::Decoder;
use super::super::fault::TokenizerFault;
use super::super::models::{Alphabet, Bpe, Merges, Unknown};
use super::super::normalizers::{Normalizer, SentencePiece, UnicodeForm};
use super::super::post_processor::PostProcessor;
use super::super::pre_tokenizers::Family;
use super::super::special_ids::SpecialIds;
use super::super::vocabulary::{Token, TokenKind, Vocabulary};
use super::super::{Parts, Tokenizer};
use super::sentencepiece_parts::sentencepiece_parts;
use super::{byte_ids, error, whole_words};
use crate::error::InferError;
use crate::gguf::Gguf;

const ARCHITECTURE: &str = "general.architecture";
const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const SCORES: &str = "tokenizer.ggml.scores";
const TOKEN_TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";
const ADD_SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
const REMOVE_EXTRA_WHITESPACES: &str = "tokenizer.ggml.remove_extra_whitespaces";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const EOT: &str = "tokenizer.ggml.eot_token_id";
const EOM: &str = "tokenizer.ggml.eom_token_id";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";

impl Tokenizer {
    /// The tokenizer in a GGUF file: `tokenizer.ggml.model` is `llama` (SentencePiece BPE) or
    /// `gpt2` (byte-level BPE) with a `tokenizer.ggml.pre` of the families of GPT-2, Llama 3,
    /// SmolLM, Qwen 2 and 3.5, Tekken, o200k, DBRX, DeepSeek-V3 and DeepSeek-Coder.
    ///
    /// Two things that files do not say are done as the models' own tokenizer.json does them: text
    /// of the Qwen families is brought into NFC first, and Phi-3's marks take the white space after
    /// them along.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{Array, Bytes, EncodeOptions, Gguf, GgufWriter, Tokenizer};
    ///
    /// let mut writer = GgufWriter::new();
    /// writer.set("tokenizer.ggml.model", "llama");
    /// let tokens = ["<unk>", "<s>", "</s>", "▁", "h", "i", "▁h", "▁hi"];
    /// writer.set("tokenizer.ggml.tokens", tokens.into_iter().collect::<Array>());
    /// let scores = [0.0f32, 0.0, 0.0, -5.0, -6.0, -7.0, -1.0, -2.0];
    /// writer.set("tokenizer.ggml.scores", scores.into_iter().collect::<Array>());
    /// let kinds = [2i32, 3, 3, 1, 1, 1, 1, 1];
    /// writer.set("tokenizer.ggml.token_type", kinds.into_iter().collect::<Array>());
    /// let mut file = Vec::new();
    /// writer.write_to(&mut file)?;
    ///
    /// let tokenizer = Tokenizer::from_gguf(&Gguf::parse(Bytes::from(file), "hi.gguf")?)?;
    /// assert_eq!(tokenizer.encode("hi", EncodeOptions::PROMPT), [1, 7]);
    /// assert_eq!(tokenizer.decode(&[1, 7]), "hi");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the key, and the index for an element of a list, if a key is missing or of another
    /// type, if the model or the pre-tokenizer is none of these, if tokens repeat or are not UTF-8,
    /// and if a merge or an id is not of the vocabulary.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, InferError> {
        let parts = match gguf.str(MODEL)? {
            "llama" => llama(gguf)?,
            "gpt2" => gpt2(gguf)?,
            other => {
                let fault = TokenizerFault::Unsupported { value: format!("{other:?}") };
                return Err(error(gguf.file(), MODEL, fault));
            }
        };
        Ok(Tokenizer::from_parts(parts))
    }
}

/// SentencePiece BPE.
fn llama(gguf: &Gguf) -> Result<Parts, InferError> {
    let vocabulary = vocabulary(gguf, true)?;
    // What the format means where a file says nothing: the ids of LLaMA's own vocabulary.
    let special = special_ids(gguf, &vocabulary, [Some(1), Some(2), Some(0)])?;
    let normalizer = SentencePiece {
        add_dummy_prefix: flag(gguf, ADD_SPACE_PREFIX)?.unwrap_or(true),
        remove_extra_whitespaces: flag(gguf, REMOVE_EXTRA_WHITESPACES)?.unwrap_or(false),
        escape_whitespaces: true,
        charsmap: None,
        kept: None,
    };
    let refuse = |fault| error(gguf.file(), TOKENS, fault);
    let mut parts = sentencepiece_parts(vocabulary, normalizer, special, false).map_err(refuse)?;
    if gguf.get(ARCHITECTURE).is_some() && gguf.str(ARCHITECTURE)? == "phi3" {
        parts.added = marks_end_lines(&parts.added).map_err(refuse)?;
    }
    parts.post_processor = post_processor(gguf, &parts.special, true)?;
    Ok(parts)
}

/// Phi-3's marks take the white space after them along, which the format has no place for.
fn marks_end_lines(added: &AddedTokens) -> Result<AddedTokens, TokenizerFault> {
    let ends_line = |text: &str| !["<unk>", "<s>", "<|endoftext|>"].contains(&text);
    let tokens = added
        .tokens()
        .iter()
        .map(|token| AddedToken { rstrip: ends_line(&token.content), ..token.clone() });
    AddedTokens::new(tokens.collect(), str::to_owned)
}

/// Byte-level BPE.
fn gpt2(gguf: &Gguf) -> Result<Parts, InferError> {
    let name = gguf.get(PRE).map_or(Ok("default"), |_| gguf.str(PRE))?;
    let family = Family::named(name).ok_or_else(|| {
        error(gguf.file(), PRE, TokenizerFault::Unsupported { value: format!("{name:?}") })
    })?;
    let vocabulary = vocabulary(gguf, false)?;
    let special = special_ids(gguf, &vocabulary, [None; 3])?;
    let added = vocabulary.iter().filter_map(|(id, token)| match token.kind {
        TokenKind::Control | TokenKind::Unknown => Some(AddedToken::new(id, &token.text, true)),
        TokenKind::UserDefined => Some(AddedToken::new(id, &token.text, false)),
        _ => None,
    });
    let added = AddedTokens::new(added.collect(), str::to_owned)
        .map_err(|fault| error(gguf.file(), TOKENS, fault))?;
    let merges = merges(gguf, &vocabulary)?;
    // A byte that has no token is left out, as llama.cpp and Hugging Face's library do: the
    // unknown token of these files is mostly the one at which generation ends.
    let bytes = Alphabet::Bytes(byte_ids(vocabulary.texts()));
    let mut model = Bpe::new(&vocabulary, bytes, merges, Unknown::default());
    if family.whole_words {
        model = model.with_whole_words(whole_words(vocabulary.texts()));
    }
    let normalizers = match family.is_nfc {
        true => vec![Normalizer::Form(UnicodeForm::Nfc)],
        false => Vec::new(),
    };
    let post_processor = post_processor(gguf, &special, family.adds_bos)?;
    Ok(Parts {
        added,
        normalizers,
        pre_tokenizers: family.pre_tokenizers(),
        model,
        post_processor,
        decoder: Decoder::ByteLevel,
        special,
        vocabulary,
    })
}

fn vocabulary(gguf: &Gguf, scored: bool) -> Result<Vocabulary, InferError> {
    let file = gguf.file();
    let texts = gguf.byte_strings(TOKENS)?;
    let count = texts.len();
    let limit = u32::try_from(count).map_err(|_| {
        let fault = TokenizerFault::IdOutOfRange { id: i64::MAX, limit: u32::MAX.into() };
        error(file, TOKENS, fault)
    })?;
    let same_length = |field, found| match found == count {
        true => Ok(()),
        false => Err(error(file, field, TokenizerFault::LengthMismatch { expected: count, found })),
    };
    let scores = if scored { gguf.f32s(SCORES)? } else { vec![0.0; count] };
    same_length(SCORES, scores.len())?;
    let kinds = match gguf.get(TOKEN_TYPES) {
        Some(_) => gguf.i64s(TOKEN_TYPES)?,
        None => vec![TokenKind::Normal as i64; count],
    };
    same_length(TOKEN_TYPES, kinds.len())?;

    let mut vocabulary = Vocabulary::default();
    for (index, ((text, score), kind)) in texts.zip(scores).zip(kinds).enumerate() {
        let element = |key| format!("{key}[{index}]");
        let text = str::from_utf8(text)
            .map_err(|_| error(file, element(TOKENS), TokenizerFault::NotUtf8))?;
        if score.is_nan() {
            return Err(error(file, element(SCORES), TokenizerFault::NotANumber));
        }
        // Zero is a type that was never set.
        let kind = if kind == 0 { TokenKind::Normal as i64 } else { kind };
        let kind = TokenKind::from_number(kind).ok_or_else(|| {
            let fault = TokenizerFault::Unsupported { value: format!("token type {kind}") };
            error(file, element(TOKEN_TYPES), fault)
        })?;
        // A place without text is no token, and files may have several.
        let text = if text.is_empty() { format!("[EMPTY_{index}]") } else { text.into() };
        let token = Token { text: text.into(), kind, score };
        vocabulary
            .insert(index as u32, token, limit)
            .map_err(|fault| error(file, element(TOKENS), fault))?;
    }
    Ok(vocabulary)
}

fn merges(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Merges, InferError> {
    let file = gguf.file();
    let element = |index| format!("{MERGES}[{index}]");
    let mut pairs = Vec::new();
    for (index, text) in gguf.byte_strings(MERGES)?.enumerate() {
        let text = str::from_utf8(text)
            .map_err(|_| error(file, element(index), TokenizerFault::NotUtf8))?;
        let pair = text.split_once(' ').ok_or_else(|| {
            let fault = TokenizerFault::WrongType { expected: "two tokens with a space between" };
            error(file, element(index), fault)
        })?;
        pairs.push(pair);
    }
    Merges::from_list(pairs.into_iter(), vocabulary)
        .map_err(|(index, fault)| error(file, element(index), fault))
}

/// The tokens that play a part; `defaults` are `bos`, `eos` and `unknown` where the file says
/// nothing.
fn special_ids(
    gguf: &Gguf,
    vocabulary: &Vocabulary,
    defaults: [Option<u32>; 3],
) -> Result<SpecialIds, InferError> {
    let id = |key: &str| match gguf.get(key) {
        None => Ok(None),
        Some(_) => {
            let id = gguf.u32(key)?;
            match vocabulary.get(id) {
                Some(_) => Ok(Some(id)),
                None => {
                    let limit = vocabulary.len() as u64;
                    let fault = TokenizerFault::IdOutOfRange { id: id.into(), limit };
                    Err(error(gguf.file(), key, fault))
                }
            }
        }
    };
    let default = |place: usize| defaults[place].filter(|&id| vocabulary.get(id).is_some());
    let mut special = SpecialIds {
        bos: id(BOS)?.or(default(0)),
        eos: id(EOS)?.or(default(1)),
        unknown: id(UNKNOWN)?.or(default(2)),
        eog: Vec::new(),
    };
    let more: Vec<u32> = [id(EOT)?, id(EOM)?].into_iter().flatten().collect();
    special.collect_eog(vocabulary, &more);
    Ok(special)
}

fn flag(gguf: &Gguf, key: &str) -> Result<Option<bool>, InferError> {
    gguf.get(key).map(|_| gguf.bool(key)).transpose()
}

fn post_processor(
    gguf: &Gguf,
    special: &SpecialIds,
    adds_bos: bool,
) -> Result<PostProcessor, InferError> {
    let ids = |key: &str, default, id: Option<u32>, id_key: &str| -> Result<_, InferError> {
        if !flag(gguf, key)?.unwrap_or(default && id.is_some()) {
            return Ok(Vec::new());
        }
        let id = id.ok_or_else(|| error(gguf.file(), id_key, TokenizerFault::Missing))?;
        Ok(vec![id])
    };
    Ok(PostProcessor {
        prefix: ids(ADD_BOS, adds_bos, special.bos, BOS)?,
        suffix: ids(ADD_EOS, false, special.eos, EOS)?,
    })
}
