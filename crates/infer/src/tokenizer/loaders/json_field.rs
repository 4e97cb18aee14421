//! A value in a JSON document that knows where it stands.

use serde_json::Value;

use super::super::fault::TokenizerFault;
use super::error;
use crate::error::InferError;

/// A value and its path, for errors.
#[derive(Clone, Debug)]
pub(super) struct JsonField<'a> {
    file: &'a str,
    path: String,
    value: &'a Value,
}

impl<'a> JsonField<'a> {
    pub(super) fn new(file: &'a str, path: impl Into<String>, value: &'a Value) -> Self {
        JsonField { file, path: path.into(), value }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    pub(super) fn error(&self, fault: TokenizerFault) -> InferError {
        error(self.file, &self.path, fault)
    }

    /// The error of a value that is understood but not done.
    pub(super) fn unsupported(&self) -> InferError {
        self.error(TokenizerFault::Unsupported { value: self.value.to_string() })
    }

    /// The member of an object; `None` if it is absent or null.
    pub(super) fn get(&self, key: &str) -> Option<JsonField<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(JsonField { file: self.file, path: format!("{}.{key}", self.path), value })
    }

    /// The member of an object.
    pub(super) fn member(&self, key: &str) -> Result<JsonField<'a>, InferError> {
        self.get(key).ok_or_else(|| {
            error(self.file, format!("{}.{key}", self.path), TokenizerFault::Missing)
        })
    }

    pub(super) fn str(&self) -> Result<&'a str, InferError> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    pub(super) fn u64(&self) -> Result<u64, InferError> {
        self.value.as_u64().ok_or_else(|| self.wrong_type("a number from 0 up"))
    }

    pub(super) fn bool(&self) -> Result<bool, InferError> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// A truth value, or `default` if it is absent.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, InferError> {
        self.get(key).map_or(Ok(default), |field| field.bool())
    }

    /// The single character of a string.
    pub(super) fn char(&self) -> Result<char, InferError> {
        let mut chars = self.str()?.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => Err(self.wrong_type("one character")),
        }
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Result<impl Iterator<Item = JsonField<'a>>, InferError> {
        let list = self.value.as_array().ok_or_else(|| self.wrong_type("a list"))?;
        let (file, path) = (self.file, self.path.clone());
        Ok(list.iter().enumerate().map(move |(index, value)| JsonField {
            file,
            path: format!("{path}[{index}]"),
            value,
        }))
    }

    fn wrong_type(&self, expected: &'static str) -> InferError {
        self.error(TokenizerFault::WrongType { expected })
    }
}
