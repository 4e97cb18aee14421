//! The document as it stands in the file.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::InferError;
use crate::tokenizer::added_tokens::AddedToken;
use crate::tokenizer::fault::TokenizerFault;
use crate::tokenizer::loaders::error;

/// The parts of a document. What is not here does not change ids.
#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) added_tokens: Vec<AddedTokenJson>,
    #[serde(default)]
    pub(super) normalizer: Value,
    #[serde(default)]
    pub(super) pre_tokenizer: Value,
    #[serde(default)]
    pub(super) post_processor: Value,
    #[serde(default)]
    pub(super) decoder: Value,
    pub(super) model: Model,
}

#[derive(Deserialize)]
pub(super) struct AddedTokenJson {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    normalized: Option<bool>,
    #[serde(default)]
    pub(super) special: bool,
}

impl From<AddedTokenJson> for AddedToken {
    fn from(json: AddedTokenJson) -> Self {
        AddedToken {
            id: json.id,
            content: json.content,
            single_word: json.single_word,
            lstrip: json.lstrip,
            rstrip: json.rstrip,
            normalized: json.normalized.unwrap_or(!json.special),
            special: json.special,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Model {
    dropout: Option<f64>,
    pub(super) unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(super) fuse_unk: bool,
    #[serde(default)]
    pub(super) byte_fallback: bool,
    #[serde(default)]
    pub(super) ignore_merges: bool,
    pub(super) vocab: Entries,
    pub(super) merges: Vec<MergeJson>,
}

impl Model {
    /// Refuses the parts of BPE that models of this kind do not use.
    pub(super) fn check(&self, file: &str) -> Result<(), InferError> {
        let refuse =
            |field, value: String| Err(error(file, field, TokenizerFault::Unsupported { value }));
        match self {
            Model { dropout: Some(dropout), .. } if *dropout != 0.0 => {
                refuse("model.dropout", dropout.to_string())
            }
            Model { continuing_subword_prefix: Some(text), .. } if !text.is_empty() => {
                refuse("model.continuing_subword_prefix", format!("{text:?}"))
            }
            Model { end_of_word_suffix: Some(text), .. } if !text.is_empty() => {
                refuse("model.end_of_word_suffix", format!("{text:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// The members of the vocabulary in the file's order. A map would lose those that repeat.
pub(super) struct Entries(pub(super) Vec<(String, u32)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A merge: `"a b"` in older files, `["a", "b"]` in newer ones.
pub(super) struct MergeJson {
    text: String,
    /// Where the left token ends and the right one begins; `None` if the text is not two tokens.
    cut: Option<(usize, usize)>,
}

impl MergeJson {
    pub(super) fn pair(&self) -> Option<(&str, &str)> {
        let (left, right) = self.cut?;
        Some((&self.text[..left], &self.text[right..]))
    }
}

impl<'de> Deserialize<'de> for MergeJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MergeVisitor;
        impl<'de> Visitor<'de> for MergeVisitor {
            type Value = MergeJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge: two tokens with a space between, or a list of two tokens")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MergeJson, E> {
                let mut spaces = text.match_indices(' ').map(|(at, _)| at);
                let cut = match (spaces.next(), spaces.next()) {
                    (Some(at), None) => Some((at, at + 1)),
                    _ => None,
                };
                Ok(MergeJson { text: text.into(), cut })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<MergeJson, A::Error> {
                let left: Option<String> = list.next_element()?;
                let right: Option<String> = list.next_element()?;
                let more: Option<IgnoredAny> = list.next_element()?;
                let (Some(left), Some(right), None) = (left, right, more) else {
                    return Err(serde::de::Error::custom("a merge is a list of two tokens"));
                };
                let cut = Some((left.len(), left.len()));
                Ok(MergeJson { text: left + &right, cut })
            }
        }
        deserializer.deserialize_any(MergeVisitor)
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], file: &str) -> Result<T, InferError> {
    serde_json::from_slice(bytes)
        .map_err(|fault| error(file, "document", TokenizerFault::Json(fault)))
}

/// Refuses models that are not BPE before anything else of them is read.
pub(super) fn check_model_type(bytes: &[u8], file: &str) -> Result<(), InferError> {
    #[derive(Deserialize)]
    struct Probe {
        model: ModelProbe,
    }
    #[derive(Deserialize)]
    struct ModelProbe {
        r#type: Option<String>,
    }
    let probe: Probe = parse(bytes, file)?;
    match probe.model.r#type.as_deref() {
        // The oldest files have no type, and BPE is the model with merges.
        None | Some("BPE") => Ok(()),
        Some(other) => {
            let fault = TokenizerFault::Unsupported { value: format!("{other:?}") };
            Err(error(file, "model.type", fault))
        }
    }
}
