//! The rewritings of text.

use super::pre_tokenizers::read_pattern;
use crate::error::InferError;
use crate::tokenizer::loaders::json_field::JsonField;
use crate::tokenizer::normalizers::{Normalizer, UnicodeForm};
use crate::tokenizer::pre_tokenizers::Pattern;

/// Reads `{"type": ...}`; a sequence is its steps.
pub(super) fn push_normalizers(
    field: &JsonField<'_>,
    normalizers: &mut Vec<Normalizer>,
) -> Result<(), InferError> {
    let ty = field.member("type")?;
    normalizers.push(match ty.str()? {
        "Sequence" => {
            for element in field.member("normalizers")?.elements()? {
                push_normalizers(&element, normalizers)?;
            }
            return Ok(());
        }
        "NFC" => Normalizer::Form(UnicodeForm::Nfc),
        "NFD" => Normalizer::Form(UnicodeForm::Nfd),
        "NFKC" => Normalizer::Form(UnicodeForm::Nfkc),
        "NFKD" => Normalizer::Form(UnicodeForm::Nfkd),
        "Lowercase" => Normalizer::Lowercase,
        "Prepend" => Normalizer::Prepend(field.member("prepend")?.str()?.into()),
        "Replace" => Normalizer::Replace {
            pattern: read_pattern(&field.member("pattern")?)?,
            content: field.member("content")?.str()?.into(),
        },
        "Strip" => Normalizer::Strip {
            left: field.flag("strip_left", true)?,
            right: field.flag("strip_right", true)?,
        },
        "StripAccents" => {
            Normalizer::Replace { pattern: Pattern::known(r"\p{M}"), content: String::new() }
        }
        _ => return Err(ty.unsupported()),
    });
    Ok(())
}
