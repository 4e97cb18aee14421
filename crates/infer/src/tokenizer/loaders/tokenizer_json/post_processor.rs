//! What is put around a text.

use crate::error::InferError;
use crate::tokenizer::fault::TokenizerFault;
use crate::tokenizer::loaders::json_field::JsonField;
use crate::tokenizer::post_processor::PostProcessor;
use crate::tokenizer::vocabulary::Vocabulary;

/// Ids that may be put around a text. A file can repeat a list of them as often as it is long.
const MAX_AROUND: usize = 256;

/// Reads what is put around a single text.
pub(super) fn read_post_processor(
    field: &JsonField<'_>,
    vocabulary: &Vocabulary,
    post_processor: &mut PostProcessor,
) -> Result<(), InferError> {
    let ty = field.member("type")?;
    match ty.str()? {
        "Sequence" => {
            for element in field.member("processors")?.elements()? {
                read_post_processor(&element, vocabulary, post_processor)?;
            }
        }
        "ByteLevel" => {} // about offsets only
        "BertProcessing" | "RobertaProcessing" => {
            // Each is a token and its id.
            let id = |key| {
                let field = field.member(key)?;
                let last = field.elements()?.last();
                read_id(&last.ok_or_else(|| field.unsupported())?, vocabulary)
            };
            post_processor.prefix.push(id("cls")?);
            post_processor.suffix.push(id("sep")?);
        }
        "TemplateProcessing" => {
            let mut after_text = false;
            for piece in field.member("single")?.elements()? {
                if piece.get("Sequence").is_some() {
                    after_text = true;
                    continue;
                }
                let name = piece.member("SpecialToken")?.member("id")?;
                let token = field.member("special_tokens")?.member(name.str()?)?;
                for id in token.member("ids")?.elements()? {
                    let id = read_id(&id, vocabulary)?;
                    match after_text {
                        false => post_processor.prefix.push(id),
                        true => post_processor.suffix.push(id),
                    }
                    if post_processor.prefix.len() + post_processor.suffix.len() > MAX_AROUND {
                        let value = format!("more than {MAX_AROUND} ids around a text");
                        return Err(field.error(TokenizerFault::Unsupported { value }));
                    }
                }
            }
        }
        _ => return Err(ty.unsupported()),
    }
    Ok(())
}

fn read_id(field: &JsonField<'_>, vocabulary: &Vocabulary) -> Result<u32, InferError> {
    let number = field.u64()?;
    u32::try_from(number).ok().filter(|&id| vocabulary.get(id).is_some()).ok_or_else(|| {
        let id = i64::try_from(number).unwrap_or(i64::MAX);
        field.error(TokenizerFault::IdOutOfRange { id, limit: vocabulary.len() as u64 })
    })
}
