//! A tokenizer from SentencePiece's own file, `tokenizer.model`
//! ([sentencepiece_model.proto](https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto)).

use super::super::fault::TokenizerFault;
use super::super::normalizers::{Charsmap, Kept, Normalizer, SentencePiece, check_growth};
use super::super::special_ids::SpecialIds;
use super::super::vocabulary::{Token, TokenKind, Vocabulary};
use super::super::{Parts, Tokenizer};
use super::error;
use super::protobuf::{Field, Message, Wire};
use super::sentencepiece_parts::sentencepiece_parts;
use crate::error::InferError;

/// `TrainerSpec.model_type` of byte-pair encoding.
const BPE: u64 = 2;

impl Tokenizer {
    /// The tokenizer in a SentencePiece file of a byte-pair model; `name` is the file's name in
    /// errors.
    ///
    /// The beginning of a sequence, if the file has one, is put before text with
    /// [`EncodeOptions::add_special`](crate::EncodeOptions::add_special), as LLaMA does; the file
    /// itself does not say.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::Tokenizer;
    ///
    /// // A file that ends in the length of its first piece.
    /// let error = Tokenizer::from_sentencepiece(&[0x0A, 0x80], "tokenizer.model").unwrap_err();
    /// let at = "tokenizer.model: ModelProto at byte 2 needs 1 bytes, the file has 0";
    /// assert_eq!(error.to_string(), at);
    /// ```
    ///
    /// # Errors
    ///
    /// Names the field and its offset or index if the file is cut short, holds another kind of
    /// model (unigram, word, character), repeats a token, or lacks some tokens of bytes.
    pub fn from_sentencepiece(bytes: &[u8], name: &str) -> Result<Self, InferError> {
        Ok(Tokenizer::from_parts(load(bytes, name, &[])?))
    }
}

/// A token that stands in another file.
pub(super) struct ExtraToken {
    pub(super) id: u32,
    pub(super) text: String,
    pub(super) special: bool,
}

/// Reads a file; `extra` tokens are added to those of the model.
pub(super) fn load(bytes: &[u8], file: &str, extra: &[ExtraToken]) -> Result<Parts, InferError> {
    let model = Model::parse(bytes, file)?;
    let vocabulary = model.vocabulary(file, extra)?;
    let mark = |text: &str| {
        vocabulary
            .id(text)
            .filter(|&id| vocabulary.get(id).is_some_and(|token| token.kind == TokenKind::Control))
    };
    let unknown = vocabulary.iter().find(|(_, t)| t.kind == TokenKind::Unknown).map(|(id, _)| id);
    let mut special =
        SpecialIds { bos: mark(&model.bos), eos: mark(&model.eos), unknown, eog: Vec::new() };
    special.collect_eog(&vocabulary, &[]);
    let user_defined = vocabulary.iter().filter(|(_, t)| t.kind == TokenKind::UserDefined);
    let mut normalizer = model.normalizer;
    normalizer.kept = Kept::new(user_defined.map(|(_, token)| &*token.text))
        .map_err(|fault| error(file, "pieces", fault))?;
    let mut parts = sentencepiece_parts(vocabulary, normalizer, special, true)
        .map_err(|fault| error(file, "pieces", fault))?;
    parts.post_processor.prefix.extend(parts.special.bos);
    Ok(parts)
}

/// What the file says, as far as it matters for encoding.
struct Model {
    pieces: Vec<Token>,
    normalizer: SentencePiece,
    bos: String,
    eos: String,
}

impl Model {
    fn parse(bytes: &[u8], file: &str) -> Result<Self, InferError> {
        let mut model = Model {
            pieces: Vec::new(),
            // The defaults of NormalizerSpec.
            normalizer: SentencePiece {
                add_dummy_prefix: true,
                remove_extra_whitespaces: true,
                escape_whitespaces: true,
                charsmap: None,
                kept: None,
            },
            bos: "<s>".into(),
            eos: "</s>".into(),
        };
        let mut model_type = 1; // unigram, the default of TrainerSpec
        let mut message = Message::new(file, "ModelProto", bytes, 0);
        while let Some(field) = message.next()? {
            match (field.number, field.value) {
                (1, Wire::Bytes(piece, offset)) => {
                    let index = model.pieces.len();
                    model.pieces.push(parse_piece(piece, file, index, offset)?);
                }
                (2, Wire::Bytes(spec, offset)) => {
                    model.parse_trainer(spec, file, offset, &mut model_type)?;
                }
                (3, Wire::Bytes(spec, offset)) => model.parse_normalizer(spec, file, offset)?,
                (1..=3, _) => return Err(wrong_type(file, "ModelProto", &field)),
                _ => {} // self tests and what encoding does not use
            }
        }
        if model_type != BPE {
            let value = match model_type {
                1 => "unigram".into(),
                3 => "word".into(),
                4 => "char".into(),
                other => format!("model type {other}"),
            };
            let fault = TokenizerFault::Unsupported { value };
            return Err(error(file, "trainer_spec.model_type", fault));
        }
        Ok(model)
    }

    fn parse_trainer(
        &mut self,
        bytes: &[u8],
        file: &str,
        offset: u64,
        model_type: &mut u64,
    ) -> Result<(), InferError> {
        let mut message = Message::new(file, "trainer_spec", bytes, offset);
        while let Some(field) = message.next()? {
            match (field.number, field.value) {
                (3, Wire::Varint(number)) => *model_type = number,
                (24, Wire::Varint(0)) => {}
                (24, Wire::Varint(_)) => {
                    let fault = TokenizerFault::Unsupported { value: "true".into() };
                    return Err(error(file, "trainer_spec.treat_whitespace_as_suffix", fault));
                }
                (46, Wire::Bytes(text, at)) => {
                    self.bos = utf8(text, file, "trainer_spec.bos_piece", at)?.into();
                }
                (47, Wire::Bytes(text, at)) => {
                    self.eos = utf8(text, file, "trainer_spec.eos_piece", at)?.into();
                }
                (3 | 24 | 46 | 47, _) => return Err(wrong_type(file, "trainer_spec", &field)),
                _ => {}
            }
        }
        Ok(())
    }

    fn parse_normalizer(
        &mut self,
        bytes: &[u8],
        file: &str,
        offset: u64,
    ) -> Result<(), InferError> {
        let mut message = Message::new(file, "normalizer_spec", bytes, offset);
        while let Some(field) = message.next()? {
            match (field.number, field.value) {
                (2, Wire::Bytes(table, _)) if !table.is_empty() => {
                    let charsmap = Charsmap::parse(table).map_err(|fault| {
                        error(file, "normalizer_spec.precompiled_charsmap", fault)
                    })?;
                    self.normalizer.charsmap = Some(charsmap);
                    let normalizer = Normalizer::SentencePiece(self.normalizer.clone());
                    check_growth(&[normalizer]).map_err(|fault| {
                        error(file, "normalizer_spec.precompiled_charsmap", fault)
                    })?;
                }
                (2, Wire::Bytes(..)) => {}
                (3, Wire::Varint(flag)) => self.normalizer.add_dummy_prefix = flag != 0,
                (4, Wire::Varint(flag)) => self.normalizer.remove_extra_whitespaces = flag != 0,
                (5, Wire::Varint(flag)) => self.normalizer.escape_whitespaces = flag != 0,
                (2..=5, _) => return Err(wrong_type(file, "normalizer_spec", &field)),
                _ => {}
            }
        }
        Ok(())
    }

    fn vocabulary(&self, file: &str, extra: &[ExtraToken]) -> Result<Vocabulary, InferError> {
        let mut vocabulary = Vocabulary::default();
        // Other files may continue the list and leave some places vacant.
        let limit = u32::try_from(2 * (self.pieces.len() + extra.len())).unwrap_or(u32::MAX);
        for (index, token) in self.pieces.iter().enumerate() {
            vocabulary
                .insert(index as u32, token.clone(), limit)
                .map_err(|fault| error(file, format!("pieces[{index}]"), fault))?;
        }
        for extra in extra {
            let kind = if extra.special { TokenKind::Control } else { TokenKind::UserDefined };
            if let Some(token) = vocabulary.get_mut(extra.id)
                && *token.text == *extra.text
            {
                // The unknown token keeps its part.
                if token.kind == TokenKind::Normal {
                    token.kind = kind;
                }
                continue;
            }
            let token = Token { text: extra.text.as_str().into(), kind, score: 0.0 };
            vocabulary
                .insert(extra.id, token, limit)
                .map_err(|fault| error(file, format!("added token {}", extra.id), fault))?;
        }
        Ok(vocabulary)
    }
}

fn parse_piece(bytes: &[u8], file: &str, index: usize, offset: u64) -> Result<Token, InferError> {
    let name = format!("pieces[{index}]");
    let mut token = Token { text: "".into(), kind: TokenKind::Normal, score: 0.0 };
    let mut message = Message::new(file, &name, bytes, offset);
    while let Some(field) = message.next()? {
        match (field.number, field.value) {
            (1, Wire::Bytes(text, at)) => token.text = utf8(text, file, &name, at)?.into(),
            (2, Wire::Fixed32(score)) => token.score = f32::from_le_bytes(score),
            (3, Wire::Varint(kind)) => {
                let known = i64::try_from(kind).ok().and_then(TokenKind::from_number);
                token.kind = known.ok_or_else(|| {
                    let value = format!("token type {kind}");
                    error(file, format!("{name}.type"), TokenizerFault::Unsupported { value })
                })?;
            }
            (1..=3, _) => return Err(wrong_type(file, &name, &field)),
            _ => {}
        }
    }
    if token.score.is_nan() {
        return Err(error(file, format!("{name}.score"), TokenizerFault::NotANumber));
    }
    Ok(token)
}

fn utf8<'a>(bytes: &'a [u8], file: &str, field: &str, offset: u64) -> Result<&'a str, InferError> {
    str::from_utf8(bytes).map_err(|_| InferError::Invalid {
        file: file.into(),
        field: field.into(),
        offset,
        what: "is not UTF-8",
    })
}

fn wrong_type(file: &str, message: &str, field: &Field<'_>) -> InferError {
    InferError::Invalid {
        file: file.into(),
        field: format!("{message} field {}", field.number),
        offset: field.offset,
        what: "has another wire type than the format defines",
    }
}
