//! A tokenizer as the metadata of a GGUF file.

use super::super::decoders::{Decoder, Strip, TextDecoder};
use super::super::fault::TokenizerFault;
use super::super::models::Alphabet;
use super::super::normalizers::{Normalizer, UnicodeForm};
use super::super::pre_tokenizers::{Family, PreTokenizer};
use super::super::vocabulary::TokenKind;
use super::super::{Parts, Tokenizer};
use super::scores::scores;
use super::tokenizer_json::pre_tokenizer_json;
use crate::error::InferError;

/// What a GGUF file says about its tokenizer. Each field is named after its key, which begins with
/// `tokenizer.ggml.`.
///
/// # Examples
///
/// ```
/// use ulp_infer::train_byte_bpe;
///
/// let vocabulary = train_byte_bpe(["aa aa"], 258, &["<|end|>"])?.to_gguf()?;
/// assert_eq!((vocabulary.model, vocabulary.pre), ("gpt2", "smollm"));
/// assert_eq!(vocabulary.tokens.len(), 258);
/// assert_eq!(vocabulary.merges.unwrap(), ["a a"]);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GgufVocabulary {
    /// `llama` or `gpt2`.
    pub model: &'static str,
    /// How byte-level models cut text; `default` for the others, which do not.
    pub pre: &'static str,
    /// The tokens, in the order of their ids.
    pub tokens: Vec<String>,
    /// For `llama`: higher merges earlier.
    pub scores: Option<Vec<f32>>,
    /// What each token is for: [`TokenKind`] as a number.
    pub token_type: Vec<i32>,
    /// For `gpt2`: two tokens with a space between, the first merge first.
    pub merges: Option<Vec<String>>,
    /// The token that begins a sequence.
    pub bos_token_id: Option<u32>,
    /// The token that ends a sequence.
    pub eos_token_id: Option<u32>,
    /// The token for text that the vocabulary does not cover.
    pub unknown_token_id: Option<u32>,
    /// The first token is put before text.
    pub add_bos_token: bool,
    /// The last token is put after text.
    pub add_eos_token: bool,
    /// For `llama`: a space is put before text.
    pub add_space_prefix: Option<bool>,
}

impl Tokenizer {
    /// The metadata with which [`Tokenizer::from_gguf`] gives the same ids; see
    /// [`GgufVocabulary`] for an example.
    ///
    /// # Errors
    ///
    /// If this tokenizer does something that the format has no place for: another pre-tokenizer
    /// than those of the known families, a normalizer, special tokens around text other than one
    /// at each end, or merges that no scores of tokens stand for.
    pub fn to_gguf(&self) -> Result<GgufVocabulary, InferError> {
        let parts = &*self.parts;
        let mut vocabulary = GgufVocabulary {
            model: "gpt2",
            pre: "default",
            tokens: Vec::with_capacity(self.vocab_size()),
            scores: None,
            token_type: Vec::with_capacity(self.vocab_size()),
            merges: None,
            bos_token_id: self.bos_id(),
            eos_token_id: self.eos_id(),
            unknown_token_id: self.unknown_id(),
            add_bos_token: adds("bos", &parts.post_processor.prefix, self.bos_id())?,
            add_eos_token: adds("eos", &parts.post_processor.suffix, self.eos_id())?,
            add_space_prefix: None,
        };
        for id in 0..self.vocab_size() as u32 {
            // A vacant place needs a text of its own.
            let (text, kind) = match parts.vocabulary.get(id) {
                Some(token) => (token.text.to_string(), token.kind),
                None => (format!("[UNUSED{id}]"), TokenKind::Unused),
            };
            vocabulary.tokens.push(text);
            vocabulary.token_type.push(kind as i32);
        }
        if let Alphabet::Bytes(_) = parts.model.alphabet {
            vocabulary.pre = pre(parts)?;
            vocabulary.merges = Some(merges(parts));
        } else {
            vocabulary.model = "llama";
            vocabulary.add_space_prefix = Some(space_prefix(parts)?);
            let none = || refuse("tokenizer.ggml.scores", "this list of merges".into());
            vocabulary.scores = Some(scores(parts).ok_or_else(none)?);
        }
        Ok(vocabulary)
    }
}

/// The error of a part that the format has no place for.
fn refuse(field: &str, value: String) -> InferError {
    InferError::Tokenizer {
        file: "GGUF".into(),
        field: field.into(),
        fault: TokenizerFault::Unsupported { value },
    }
}

/// Whether the ids around a text are the single token `id`.
fn adds(name: &str, ids: &[u32], id: Option<u32>) -> Result<bool, InferError> {
    match (ids, id) {
        ([], _) => Ok(false),
        ([only], Some(id)) if *only == id => Ok(true),
        _ => {
            let field = format!("tokenizer.ggml.add_{name}_token");
            Err(refuse(&field, format!("ids {ids:?} around text")))
        }
    }
}

/// The name of the family that cuts text as this tokenizer does.
fn pre(parts: &Parts) -> Result<&'static str, InferError> {
    let steps = |stages: &[PreTokenizer]| stages.iter().map(pre_tokenizer_json).collect::<Vec<_>>();
    let own = steps(&parts.pre_tokenizers);
    let is_nfc = match &parts.normalizers[..] {
        [] => Some(false),
        [Normalizer::Form(UnicodeForm::Nfc)] => Some(true),
        _ => None,
    };
    let found = Family::all().find(|(_, family)| {
        Some(family.is_nfc) == is_nfc
            && family.whole_words == parts.model.has_whole_words()
            && steps(&family.pre_tokenizers()) == own
    });
    found.map(|(name, _)| name).ok_or_else(|| {
        let value = format!("{own:?} with {} normalizers", parts.normalizers.len());
        refuse("tokenizer.ggml.pre", value)
    })
}

fn merges(parts: &Parts) -> Vec<String> {
    let text = |id| parts.vocabulary.get(id).map_or("", |token| &token.text);
    let sorted = parts.model.merges.sorted();
    sorted.iter().map(|((left, right), _)| format!("{} {}", text(*left), text(*right))).collect()
}

/// Whether a space is put before text; an error if text is rewritten in any other way.
fn space_prefix(parts: &Parts) -> Result<bool, InferError> {
    let mark = "\u{2581}";
    let is_mark = |normalizer: &Normalizer| match normalizer {
        Normalizer::Replace { pattern, content } => content == mark && pattern.is_literal(" "),
        _ => false,
    };
    let prefix = match (&parts.normalizers[..], &parts.pre_tokenizers[..]) {
        ([Normalizer::SentencePiece(n)], [])
            if n.charsmap.is_none() && n.escape_whitespaces && !n.remove_extra_whitespaces =>
        {
            Some(n.add_dummy_prefix)
        }
        ([Normalizer::Prepend(text), replace], []) if text == mark && is_mark(replace) => {
            Some(true)
        }
        ([replace], []) if is_mark(replace) => Some(false),
        _ => None,
    };
    let strips = match &parts.decoder {
        Decoder::Text(TextDecoder { strip, .. }) => *strip != Strip::Nothing,
        _ => false,
    };
    match prefix {
        Some(prefix) if prefix == strips => Ok(prefix),
        _ => Err(refuse("tokenizer.ggml.add_space_prefix", "this rewriting of spaces".into())),
    }
}
