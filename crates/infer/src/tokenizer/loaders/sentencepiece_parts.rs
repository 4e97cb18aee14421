//! The pipeline of a SentencePiece BPE model, from its list of tokens.

use super::super::Parts;
use super::super::added_tokens::{AddedToken, AddedTokens};
use super::super::decoders::{Decoder, TextDecoder};
use super::super::fault::TokenizerFault;
use super::super::models::score_merges::{ScoreMerges, score_merges};
use super::super::models::{Alphabet, Bpe, Unknown};
use super::super::normalizers::{Normalizer, SentencePiece};
use super::super::post_processor::PostProcessor;
use super::super::special_ids::SpecialIds;
use super::super::vocabulary::{TokenKind, Vocabulary, byte_of_text};

/// Builds the pipeline. `user_defined_in_normalized` says that user-defined tokens are looked for
/// after normalization, as SentencePiece does; otherwise they cut the text before it, as llama.cpp
/// does.
pub(super) fn sentencepiece_parts(
    vocabulary: Vocabulary,
    normalizer: SentencePiece,
    special: SpecialIds,
    user_defined_in_normalized: bool,
) -> Result<Parts, TokenizerFault> {
    let added = vocabulary.iter().filter_map(|(id, token)| match token.kind {
        TokenKind::Control | TokenKind::Unknown => Some(AddedToken::new(id, &token.text, true)),
        TokenKind::UserDefined => {
            let normalized = user_defined_in_normalized;
            Some(AddedToken { normalized, ..AddedToken::new(id, &token.text, false) })
        }
        _ => None,
    });
    // The texts of user-defined tokens stand in the file as they look in normalized text.
    let added = AddedTokens::new(added.collect(), str::to_owned)?;
    let ScoreMerges { merges, characters } = score_merges(&vocabulary);
    let unknown = Unknown { bytes: fallback_bytes(&vocabulary)?, id: special.unknown, fuse: true };
    let model = Bpe::new(&vocabulary, Alphabet::Characters(characters), merges, unknown);
    let decoder = TextDecoder::sentencepiece(&normalizer);
    Ok(Parts {
        added,
        normalizers: vec![Normalizer::SentencePiece(normalizer)],
        pre_tokenizers: Vec::new(),
        model,
        post_processor: PostProcessor::default(),
        decoder: Decoder::Text(decoder),
        special,
        vocabulary,
    })
}

/// The tokens of bytes: all 256 or none.
fn fallback_bytes(
    vocabulary: &Vocabulary,
) -> Result<Option<Box<[Option<u32>; 256]>>, TokenizerFault> {
    let mut ids = Box::new([None; 256]);
    for (id, token) in vocabulary.iter().filter(|(_, token)| token.kind == TokenKind::Byte) {
        let byte = byte_of_text(&token.text)
            .ok_or_else(|| TokenizerFault::Unsupported { value: format!("byte {}", token.text) })?;
        ids[usize::from(byte)] = Some(id);
    }
    if ids.iter().all(Option::is_none) {
        return Ok(None);
    }
    match ids.iter().position(Option::is_none) {
        Some(byte) => Err(TokenizerFault::UnknownToken { text: format!("<0x{byte:02X}>") }),
        None => Ok(Some(ids)),
    }
}
