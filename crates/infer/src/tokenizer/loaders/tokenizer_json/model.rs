//! The vocabulary and the merges.

use super::document::{Document, Model};
use crate::error::InferError;
use crate::tokenizer::fault::TokenizerFault;
use crate::tokenizer::loaders::{byte_ids, error, whole_words};
use crate::tokenizer::models::{Alphabet, Bpe, Merges, Unknown};
use crate::tokenizer::vocabulary::{Token, TokenKind, Vocabulary, byte_of_text, single_char};

/// Ids that may be vacant beyond as many as there are tokens.
const MAX_VACANT: usize = 1024;

pub(super) fn read_vocabulary(document: &Document, file: &str) -> Result<Vocabulary, InferError> {
    let model = &document.model;
    let count = model.vocab.0.len() + document.added_tokens.len();
    // Files may leave ids vacant, but not more than they use; the list is as long as the largest.
    let limit = u32::try_from(2 * count + MAX_VACANT).unwrap_or(u32::MAX);
    let mut vocabulary = Vocabulary::default();
    for (text, id) in &model.vocab.0 {
        let is_byte = model.byte_fallback && byte_of_text(text).is_some();
        let kind = if is_byte { TokenKind::Byte } else { TokenKind::Normal };
        let token = Token { text: text.as_str().into(), kind, score: 0.0 };
        vocabulary
            .insert(*id, token, limit)
            .map_err(|fault| error(file, format!("model.vocab.{text:?}"), fault))?;
    }
    for (index, added) in document.added_tokens.iter().enumerate() {
        let kind = match added.special {
            true if model.unk_token.as_ref() == Some(&added.content) => TokenKind::Unknown,
            true => TokenKind::Control,
            false => TokenKind::UserDefined,
        };
        match vocabulary.get_mut(added.id) {
            Some(token) if *token.text == *added.content => token.kind = kind,
            _ => {
                let token = Token { text: added.content.as_str().into(), kind, score: 0.0 };
                vocabulary
                    .insert(added.id, token, limit)
                    .map_err(|fault| error(file, format!("added_tokens[{index}]"), fault))?;
            }
        }
    }
    Ok(vocabulary)
}

pub(super) fn bpe(
    model: &Model,
    vocabulary: &Vocabulary,
    byte_level: bool,
    unknown: Option<u32>,
    file: &str,
) -> Result<Bpe, InferError> {
    let element = |index| format!("model.merges[{index}]");
    let mut pairs = Vec::with_capacity(model.merges.len());
    for (index, merge) in model.merges.iter().enumerate() {
        pairs.push(merge.pair().ok_or_else(|| {
            let fault = TokenizerFault::WrongType { expected: "two tokens with a space between" };
            error(file, element(index), fault)
        })?);
    }
    let merges = Merges::from_list(pairs.into_iter(), vocabulary)
        .map_err(|(index, fault)| error(file, element(index), fault))?;
    let mut unknown = Unknown { bytes: None, id: unknown, fuse: model.fuse_unk };
    // Tokens that only the list of added tokens has are looked for, not made. A letter of the
    // alphabet stays one even if it is a mark as well; longer marks are never made of text.
    let tokens = || model.vocab.0.iter().filter_map(|(_, id)| Some((*id, vocabulary.get(*id)?)));
    let texts = || tokens().filter(|(_, token)| token.is_text());
    let alphabet = if byte_level {
        Alphabet::Bytes(byte_ids(tokens()))
    } else {
        if model.byte_fallback {
            unknown.bytes = Some(Box::new(std::array::from_fn(|byte| {
                vocabulary.id(&format!("<0x{byte:02X}>"))
            })));
        }
        let characters = tokens().filter_map(|(id, token)| Some((single_char(&token.text)?, id)));
        Alphabet::Characters(characters.collect())
    };
    let bpe = Bpe::new(vocabulary, alphabet, merges, unknown);
    Ok(match (model.ignore_merges, byte_level) {
        (false, _) => bpe,
        (true, true) => bpe.with_whole_words(whole_words(texts())),
        (true, false) => {
            let words = texts().map(|(id, token)| (token.text.as_bytes().into(), id));
            bpe.with_whole_words(words.collect())
        }
    })
}
