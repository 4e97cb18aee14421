//! A tokenizer from Hugging Face's `tokenizer.json`
//! ([the library that defines it](https://github.com/huggingface/tokenizers)).

mod decoder;
mod document;
mod model;
mod normalizers;
mod post_processor;
mod pre_tokenizers;

use decoder::read_decoder;
use document::{Document, check_model_type, parse};
use model::{bpe, read_vocabulary};
use normalizers::push_normalizers;
use post_processor::read_post_processor;
use pre_tokenizers::{MAX_STAGES, is_byte_level, push_pre_tokenizers};

use super::error;
use super::json_field::JsonField;
use crate::error::InferError;
use crate::tokenizer::added_tokens::AddedTokens;
use crate::tokenizer::fault::TokenizerFault;
use crate::tokenizer::normalizers::check_growth;
use crate::tokenizer::post_processor::PostProcessor;
use crate::tokenizer::special_ids::SpecialIds;
use crate::tokenizer::{Parts, Tokenizer, normalize};

impl Tokenizer {
    /// The tokenizer in a `tokenizer.json` with a model of type BPE; `name` is the file's name in
    /// errors.
    ///
    /// `truncation` and `padding` are left to the caller: they are about batches, not about text.
    /// The file does not say which token ends a sequence, so [`Tokenizer::eos_id`] is only known
    /// to [`Tokenizer::from_dir`].
    ///
    /// Done: the normalizers NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip and
    /// StripAccents; the pre-tokenizers BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits,
    /// Metaspace, Punctuation, Split, Whitespace and WhitespaceSplit; the post-processors ByteLevel,
    /// BertProcessing, RobertaProcessing and TemplateProcessing; the decoders ByteLevel, Metaspace,
    /// and Replace, ByteFallback, Fuse and Strip in this order; and sequences of each. What else a
    /// file asks for is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{EncodeOptions, Tokenizer};
    ///
    /// let json = r#"{
    ///     "model": {
    ///         "type": "BPE",
    ///         "vocab": {"h": 0, "u": 1, "g": 2, "ug": 3, "hug": 4},
    ///         "merges": [["u", "g"], ["h", "ug"]]
    ///     },
    ///     "decoder": {"type": "Fuse"}
    /// }"#;
    /// let tokenizer = Tokenizer::from_tokenizer_json(json.as_bytes(), "hug.json")?;
    /// assert_eq!(tokenizer.encode("hughu", EncodeOptions::TEXT), [4, 0, 1]);
    /// assert_eq!(tokenizer.decode(&[4, 0, 1]), "hughu");
    ///
    /// let wrong = json.replace("[\"h\", \"ug\"]", "[\"h\", \"x\"]");
    /// let error = Tokenizer::from_tokenizer_json(wrong.as_bytes(), "hug.json").unwrap_err();
    /// assert_eq!(error.to_string(), "hug.json: model.merges[1]: \"x\" is not in the vocabulary");
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the field if the JSON is not that of a tokenizer, if it asks for a step that this
    /// crate does not do, if tokens or ids repeat, or if a merge or an id is not of the vocabulary.
    pub fn from_tokenizer_json(bytes: &[u8], name: &str) -> Result<Self, InferError> {
        Ok(Tokenizer::from_parts(load(bytes, name)?))
    }
}

/// Reads a file.
pub(super) fn load(bytes: &[u8], file: &str) -> Result<Parts, InferError> {
    check_model_type(bytes, file)?;
    let document: Document = parse(bytes, file)?;
    let model = &document.model;
    model.check(file)?;
    let vocabulary = read_vocabulary(&document, file)?;

    let mut normalizers = Vec::new();
    if !document.normalizer.is_null() {
        let field = JsonField::new(file, "normalizer", &document.normalizer);
        push_normalizers(&field, &mut normalizers)?;
        check_growth(&normalizers).map_err(|fault| field.error(fault))?;
    }
    let mut pre_tokenizers = Vec::new();
    if !document.pre_tokenizer.is_null() {
        let field = JsonField::new(file, "pre_tokenizer", &document.pre_tokenizer);
        push_pre_tokenizers(&field, &mut pre_tokenizers)?;
        if pre_tokenizers.len() > MAX_STAGES {
            let value = format!("{} steps", pre_tokenizers.len());
            return Err(field.error(TokenizerFault::Unsupported { value }));
        }
    }
    let byte_level = is_byte_level(&pre_tokenizers, file)?;
    if byte_level && model.byte_fallback {
        let fault = TokenizerFault::Unsupported { value: "true with byte-level words".into() };
        return Err(error(file, "model.byte_fallback", fault));
    }
    let mut post_processor = PostProcessor::default();
    if !document.post_processor.is_null() {
        let field = JsonField::new(file, "post_processor", &document.post_processor);
        read_post_processor(&field, &vocabulary, &mut post_processor)?;
    }
    let field = JsonField::new(file, "decoder", &document.decoder);
    let decoder = read_decoder(&field)?;
    decoder.check_growth().map_err(|fault| field.error(fault))?;

    let added = document.added_tokens.into_iter().map(Into::into).collect();
    let added = AddedTokens::new(added, |text| normalize(&normalizers, text).into_owned())
        .map_err(|fault| error(file, "added_tokens", fault))?;

    let unknown = match &model.unk_token {
        Some(text) => Some(vocabulary.id(text).ok_or_else(|| {
            error(file, "model.unk_token", TokenizerFault::UnknownToken { text: text.clone() })
        })?),
        None => None,
    };
    let mut special = SpecialIds {
        bos: post_processor.prefix.first().copied(),
        unknown,
        ..SpecialIds::default()
    };
    special.collect_eog(&vocabulary, &[]);
    let model = bpe(&document.model, &vocabulary, byte_level, unknown, file)?;
    Ok(Parts {
        vocabulary,
        added,
        normalizers,
        pre_tokenizers,
        model,
        post_processor,
        decoder,
        special,
    })
}
