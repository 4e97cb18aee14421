//! What stands beside a tokenizer in a model's directory.

use std::path::Path;

use serde_json::Value;

use super::super::Parts;
use super::super::fault::TokenizerFault;
use super::error;
use super::json_field::JsonField;
use super::sentencepiece::ExtraToken;
use crate::error::InferError;

/// `tokenizer_config.json`, and the ends of generation in `generation_config.json` or
/// `config.json`. All of them may be absent.
pub(super) struct TokenizerConfig {
    file: String,
    config: Value,
    /// `eos_token_id` of the other files.
    eos_ids: Vec<u32>,
}

impl TokenizerConfig {
    pub(super) fn read(directory: &Path) -> Result<Self, InferError> {
        let path = directory.join("tokenizer_config.json");
        let config = read_json(&path)?.unwrap_or(Value::Null);
        let mut eos_ids = Vec::new();
        for name in ["generation_config.json", "config.json"] {
            let path = directory.join(name);
            let Some(value) = read_json(&path)? else { continue };
            let file = path.display().to_string();
            if let Some(field) = JsonField::new(&file, name, &value).get("eos_token_id") {
                if field.value().is_array() {
                    for element in field.elements()? {
                        eos_ids.push(id(&element)?);
                    }
                } else {
                    eos_ids.push(id(&field)?);
                }
                break;
            }
        }
        Ok(TokenizerConfig { file: path.display().to_string(), config, eos_ids })
    }

    fn field(&self) -> JsonField<'_> {
        JsonField::new(&self.file, "tokenizer_config", &self.config)
    }

    /// Whether the token that begins (ends) a sequence is put around text, if the file says so.
    pub(super) fn adds(&self, key: &str) -> Result<Option<bool>, InferError> {
        self.field().get(key).map(|field| field.bool()).transpose()
    }

    /// Tokens that the model's own file does not have.
    pub(super) fn extra_tokens(&self) -> Result<Vec<ExtraToken>, InferError> {
        let Some(list) = self.field().get("added_tokens_decoder") else { return Ok(Vec::new()) };
        let Some(tokens) = list.value().as_object() else {
            return Err(list.error(TokenizerFault::WrongType { expected: "an object" }));
        };
        let mut extra = Vec::new();
        for key in tokens.keys() {
            let field = list.member(key)?;
            let id = key.parse().map_err(|_| {
                field.error(TokenizerFault::WrongType { expected: "named by a token id" })
            })?;
            let text = field.member("content")?.str()?.to_owned();
            extra.push(ExtraToken { id, text, special: field.flag("special", false)? });
        }
        extra.sort_by_key(|token| token.id);
        Ok(extra)
    }

    /// Gives tokens the parts that the files say they play.
    pub(super) fn apply(&self, parts: &mut Parts) -> Result<(), InferError> {
        let token = |key: &str| -> Result<Option<u32>, InferError> {
            let Some(field) = self.field().get(key) else { return Ok(None) };
            // Either the text itself or an object that describes the token.
            let field = field.get("content").unwrap_or(field);
            let text = field.str()?;
            match parts.vocabulary.id(text) {
                Some(id) => Ok(Some(id)),
                None => Err(field.error(TokenizerFault::UnknownToken { text: text.into() })),
            }
        };
        let (bos, eos) = (token("bos_token")?, token("eos_token")?);
        let special = &mut parts.special;
        special.bos = bos.or(special.bos);
        special.eos = eos.or(special.eos);
        if special.eos.is_none() {
            special.eos =
                self.eos_ids.first().copied().filter(|&id| parts.vocabulary.get(id).is_some());
        }
        special.collect_eog(&parts.vocabulary, &self.eos_ids);
        Ok(())
    }
}

fn id(field: &JsonField<'_>) -> Result<u32, InferError> {
    let number = field.u64()?;
    u32::try_from(number).map_err(|_| {
        let id = i64::try_from(number).unwrap_or(i64::MAX);
        field.error(TokenizerFault::IdOutOfRange { id, limit: u32::MAX.into() })
    })
}

/// A JSON file; `None` if there is none.
fn read_json(path: &Path) -> Result<Option<Value>, InferError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(InferError::io(path, source)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|fault| {
        error(&path.display().to_string(), "document", TokenizerFault::Json(fault))
    })
}
