//! The way back from tokens to text.

use super::pre_tokenizers::{read_metaspace, read_pattern};
use crate::error::InferError;
use crate::tokenizer::decoders::{Decoder, Strip, TextDecoder};
use crate::tokenizer::fault::TokenizerFault;
use crate::tokenizer::loaders::json_field::JsonField;
use crate::tokenizer::pre_tokenizers::{Metaspace, PatternText, PrependScheme};

pub(super) fn read_decoder(field: &JsonField<'_>) -> Result<Decoder, InferError> {
    if field.value().is_null() {
        return Err(field.error(TokenizerFault::Missing));
    }
    let ty = field.member("type")?;
    match ty.str()? {
        "ByteLevel" => return Ok(Decoder::ByteLevel),
        "Metaspace" => {
            let Metaspace { replacement: mark, prepend_scheme, .. } = read_metaspace(field)?;
            return Ok(Decoder::Metaspace { mark, strip: prepend_scheme != PrependScheme::Never });
        }
        _ => {}
    }
    let mut steps = Vec::new();
    push_steps(field, &mut steps)?;
    if let [single] = &steps[..]
        && single.ty != field.member("type")?.str()?
        && matches!(single.ty, "ByteLevel" | "Metaspace")
    {
        return read_decoder(&single.field);
    }
    read_text_decoder(&steps)
}

/// A step of a decoder.
struct Step<'a> {
    ty: &'a str,
    field: JsonField<'a>,
}

fn push_steps<'a>(field: &JsonField<'a>, steps: &mut Vec<Step<'a>>) -> Result<(), InferError> {
    let ty = field.member("type")?.str()?;
    if ty == "Sequence" {
        for element in field.member("decoders")?.elements()? {
            push_steps(&element, steps)?;
        }
    } else {
        steps.push(Step { ty, field: field.clone() });
    }
    Ok(())
}

/// Steps that can be done token by token: replacements, then bytes, then all tokens joined, then
/// the beginning taken off.
fn read_text_decoder(steps: &[Step<'_>]) -> Result<Decoder, InferError> {
    let mut decoder = TextDecoder::default();
    let mut fused = false;
    for Step { ty, field } in steps {
        let in_order = decoder.strip == Strip::Nothing
            && match *ty {
                "Replace" => !decoder.byte_fallback && !fused,
                "ByteFallback" => !decoder.byte_fallback && !fused,
                "Fuse" => true,
                "Strip" => fused,
                _ => false,
            };
        if !in_order {
            return Err(field.member("type")?.unsupported());
        }
        match *ty {
            "Replace" => {
                let pattern = field.member("pattern")?;
                let PatternText::Literal(from) = read_pattern(&pattern)?.text().clone() else {
                    return Err(pattern.unsupported());
                };
                decoder.replace.push((from, field.member("content")?.str()?.into()));
            }
            "ByteFallback" => decoder.byte_fallback = true,
            "Fuse" => fused = true,
            _ => decoder.strip = read_strip(field)?,
        }
    }
    Ok(Decoder::Text(decoder))
}

fn read_strip(field: &JsonField<'_>) -> Result<Strip, InferError> {
    let content = field.member("content")?;
    let character =
        u8::try_from(content.char()?).ok().filter(u8::is_ascii).ok_or(content.unsupported())?;
    let stop = field.member("stop")?;
    if stop.u64()? != 0 {
        // The end of the text is not known while tokens stream.
        return Err(stop.unsupported());
    }
    let start = field.member("start")?;
    let count = usize::try_from(start.u64()?).map_err(|_| start.unsupported())?;
    Ok(Strip::Characters { character, count })
}
