//! Typed reading of a JSON object's fields, each refusal naming the file and the field.

use serde_json::{Map, Value};

use crate::NnError;

/// One JSON object of a file: `path` is what stands before a field's name in messages
/// (`""` for the top, `"rope_scaling."` inside it).
#[derive(Clone, Copy)]
pub(crate) struct JsonFields<'a> {
    file: &'a str,
    path: &'a str,
    object: &'a Map<String, Value>,
}

impl<'a> JsonFields<'a> {
    pub(crate) fn new(file: &'a str, path: &'a str, object: &'a Map<String, Value>) -> Self {
        Self { file, path, object }
    }

    /// A field that is there and not `null`.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// Whether the field is there, `null` included.
    pub(crate) fn contains(&self, field: &str) -> bool {
        self.object.contains_key(field)
    }

    pub(crate) fn missing(&self, field: &str) -> NnError {
        NnError::MissingField { file: self.file.to_owned(), field: self.named(field) }
    }

    pub(crate) fn wrong_type(&self, field: &str, expected: &'static str) -> NnError {
        NnError::WrongType { file: self.file.to_owned(), field: self.named(field), expected }
    }

    pub(crate) fn invalid(&self, field: &str, value: impl ToString, rule: &'static str) -> NnError {
        NnError::InvalidValue {
            file: self.file.to_owned(),
            field: self.named(field),
            value: value.to_string(),
            rule,
        }
    }

    pub(crate) fn unsupported(&self, field: &str, value: impl ToString) -> NnError {
        NnError::Unsupported {
            file: self.file.to_owned(),
            field: self.named(field),
            value: value.to_string(),
        }
    }

    pub(crate) fn count(&self, field: &str) -> Result<Option<usize>, NnError> {
        self.get(field).map(|value| self.count_of(field, value)).transpose()
    }

    pub(crate) fn required_count(&self, field: &str) -> Result<usize, NnError> {
        self.count(field)?.ok_or_else(|| self.missing(field))
    }

    pub(crate) fn number(&self, field: &str) -> Result<Option<f64>, NnError> {
        let read = |value: &Value| value.as_f64().ok_or_else(|| self.wrong_type(field, "a number"));
        self.get(field).map(read).transpose()
    }

    pub(crate) fn required_number(&self, field: &str) -> Result<f64, NnError> {
        self.number(field)?.ok_or_else(|| self.missing(field))
    }

    pub(crate) fn boolean(&self, field: &str) -> Result<Option<bool>, NnError> {
        let read =
            |value: &Value| value.as_bool().ok_or_else(|| self.wrong_type(field, "true or false"));
        self.get(field).map(read).transpose()
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, NnError> {
        let read =
            |value: &'a Value| value.as_str().ok_or_else(|| self.wrong_type(field, "a string"));
        self.get(field).map(read).transpose()
    }

    pub(crate) fn object(&self, field: &str) -> Result<Option<&'a Map<String, Value>>, NnError> {
        let read =
            |value: &'a Value| value.as_object().ok_or_else(|| self.wrong_type(field, "an object"));
        self.get(field).map(read).transpose()
    }

    /// One token id, a list of them, or none.
    pub(crate) fn token_ids(&self, field: &str) -> Result<Vec<u32>, NnError> {
        let one = |value: &Value| {
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
            id.ok_or_else(|| self.wrong_type(field, "a token id or a list of token ids"))
        };
        match self.get(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(one).collect(),
            Some(value) => Ok(vec![one(value)?]),
        }
    }

    fn count_of(&self, field: &str, value: &Value) -> Result<usize, NnError> {
        let whole = value.as_u64().and_then(|n| usize::try_from(n).ok());
        whole.ok_or_else(|| self.wrong_type(field, "a whole number, zero or more"))
    }

    fn named(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }
}
