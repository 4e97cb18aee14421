//! The cutting of text into words.

use crate::error::InferError;
use crate::tokenizer::fault::TokenizerFault;
use crate::tokenizer::loaders::error;
use crate::tokenizer::loaders::json_field::JsonField;
use crate::tokenizer::pre_tokenizers::{
    Behavior, ByteLevel, Digits, Metaspace, Pattern, PatternText, PreTokenizer, PrependScheme,
    Split,
};

/// Steps that cutting may have; files in use have up to five. Text goes through them in recursion.
pub(super) const MAX_STAGES: usize = 64;

/// A mark of punctuation: what Unicode calls so, and the signs of ASCII that it does not.
const PUNCTUATION: &str = r"[\p{P}$+<=>^`|~]";

/// Reads `{"type": ...}`; a sequence is its steps.
pub(super) fn push_pre_tokenizers(
    field: &JsonField<'_>,
    stages: &mut Vec<PreTokenizer>,
) -> Result<(), InferError> {
    let ty = field.member("type")?;
    let stage = match ty.str()? {
        "Sequence" => {
            for element in field.member("pretokenizers")?.elements()? {
                push_pre_tokenizers(&element, stages)?;
            }
            return Ok(());
        }
        "BertPreTokenizer" => {
            stages.push(cut_at(r"\s", Behavior::Removed, false));
            cut_at(PUNCTUATION, Behavior::Isolated, false)
        }
        "ByteLevel" => PreTokenizer::ByteLevel(ByteLevel::new(
            field.flag("add_prefix_space", true)?,
            field.flag("use_regex", true)?,
        )),
        "CharDelimiterSplit" => {
            let delimiter = field.member("delimiter")?.char()?.to_string();
            let pattern = Pattern::new(PatternText::Literal(delimiter));
            let pattern = pattern.map_err(|fault| field.error(fault))?;
            PreTokenizer::Split(Split { pattern, behavior: Behavior::Removed, invert: false })
        }
        "Digits" => {
            PreTokenizer::Digits(Digits { individual: field.flag("individual_digits", false)? })
        }
        "Metaspace" => PreTokenizer::Metaspace(read_metaspace(field)?),
        "Punctuation" => {
            let behavior = field.get("behavior").map(|field| read_behavior(&field)).transpose()?;
            cut_at(PUNCTUATION, behavior.unwrap_or(Behavior::Isolated), false)
        }
        "Split" => PreTokenizer::Split(Split {
            pattern: read_pattern(&field.member("pattern")?)?,
            behavior: read_behavior(&field.member("behavior")?)?,
            invert: field.flag("invert", false)?,
        }),
        "Whitespace" => cut_at(r"\w+|[^\w\s]+", Behavior::Removed, true),
        "WhitespaceSplit" => cut_at(r"\s", Behavior::Removed, false),
        _ => return Err(ty.unsupported()),
    };
    stages.push(stage);
    Ok(())
}

/// A cut at one of the patterns that have names of their own.
fn cut_at(regex: &str, behavior: Behavior, invert: bool) -> PreTokenizer {
    PreTokenizer::Split(Split { pattern: Pattern::known(regex), behavior, invert })
}

/// True if the model reads bytes. Steps after the one that writes words as bytes would see the
/// byte alphabet, which this crate never writes.
pub(super) fn is_byte_level(stages: &[PreTokenizer], file: &str) -> Result<bool, InferError> {
    match stages.iter().position(|stage| matches!(stage, PreTokenizer::ByteLevel(_))) {
        None => Ok(false),
        Some(place) if place + 1 == stages.len() => Ok(true),
        Some(_) => {
            let value = "a step after ByteLevel".into();
            Err(error(file, "pre_tokenizer", TokenizerFault::Unsupported { value }))
        }
    }
}

pub(super) fn read_metaspace(field: &JsonField<'_>) -> Result<Metaspace, InferError> {
    let prepend_scheme = match field.get("prepend_scheme") {
        Some(scheme) => match scheme.str()? {
            "first" => PrependScheme::First,
            "always" => PrependScheme::Always,
            "never" => PrependScheme::Never,
            _ => return Err(scheme.unsupported()),
        },
        // Files from before there were schemes.
        None if field.flag("add_prefix_space", true)? => PrependScheme::Always,
        None => PrependScheme::Never,
    };
    Ok(Metaspace {
        replacement: field.member("replacement")?.char()?,
        prepend_scheme,
        split: field.flag("split", true)?,
    })
}

pub(super) fn read_pattern(field: &JsonField<'_>) -> Result<Pattern, InferError> {
    let text = match (field.get("String"), field.get("Regex")) {
        // No text stands everywhere.
        (Some(literal), None) if literal.str()?.is_empty() => return Err(literal.unsupported()),
        (Some(literal), None) => PatternText::Literal(literal.str()?.into()),
        (None, Some(regex)) => PatternText::Regex(regex.str()?.into()),
        _ => return Err(field.unsupported()),
    };
    Pattern::new(text).map_err(|fault| field.error(fault))
}

fn read_behavior(field: &JsonField<'_>) -> Result<Behavior, InferError> {
    Ok(match field.str()? {
        "Isolated" => Behavior::Isolated,
        "Removed" => Behavior::Removed,
        "MergedWithPrevious" => Behavior::MergedWithPrevious,
        "MergedWithNext" => Behavior::MergedWithNext,
        "Contiguous" => Behavior::Contiguous,
        _ => return Err(field.unsupported()),
    })
}
