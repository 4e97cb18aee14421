//! The query of an address: pairs, then the check of a table, then the struct of its route.

use axum::http::Uri;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::schema::{Role, Schema};

/// Reads a query and fills the struct of its route. What `schema` has as a number or as true or false
/// is read as such; all else is text.
///
/// # Errors
///
/// 400 if it is no query, names something twice, or is not what `schema` allows.
pub(crate) fn read<T: DeserializeOwned>(uri: &Uri, schema: &Schema) -> Result<T, ApiError> {
    let mut object = Map::new();
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    for pair in pairs {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, text) = (decode(name)?, decode(text)?);
        let value = typed(schema, &name, text);
        if object.contains_key(&name) {
            return Err(ApiError::value(&name, format!("{name} stands twice")));
        }
        object.insert(name, value);
    }
    let mut value = Value::Object(object);
    schema.check(&mut value, "")?;
    serde_json::from_value(value).map_err(|error| ApiError::value("", error.to_string()))
}

fn typed(schema: &Schema, name: &str, text: String) -> Value {
    let Schema::Object(groups) = schema else { return Value::String(text) };
    let role = groups.iter().copied().flatten().find(|p| p.name == name).map(|p| p.role);
    let number_or_truth = match role {
        Some(Role::Optional(Schema::Integer { .. } | Schema::Boolean | Schema::Only(_))) => {
            serde_json::from_str(&text).ok().filter(|value: &Value| !value.is_null())
        }
        _ => None,
    };
    number_or_truth.unwrap_or(Value::String(text))
}

/// A name or a value: `+` is a blank, `%` and two hexadecimal digits a byte.
fn decode(text: &str) -> Result<String, ApiError> {
    let wrong = || {
        let message = format!("{text:?} in the query is not UTF-8 in percent-encoding");
        ApiError::value("", message)
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                (16 * high + low) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schema::{Parameter, TEXT};
    use serde_json::json;

    const SCHEMA: Schema = Schema::Object(&[&[
        Parameter::optional("n", Schema::Integer { min: 1, max: 9 }, ""),
        Parameter::optional("is", Schema::Boolean, ""),
        Parameter::optional("text", TEXT, ""),
        Parameter::refused("x[]", "not here"),
    ]]);

    fn query(text: &str) -> Result<Value, (&'static str, String)> {
        let uri: Uri = format!("/a?{text}").parse().unwrap();
        read(&uri, &SCHEMA).map_err(|error: ApiError| (error.code, error.message))
    }

    #[test]
    fn values_have_the_types_of_the_table() {
        assert_eq!(query("").unwrap(), json!({}));
        let read = query("n=3&is=true&&text=1%2b1+%C3%A9").unwrap();
        assert_eq!(read, json!({"n": 3, "is": true, "text": "1+1 é"}));
        assert_eq!(query("text").unwrap(), json!({"text": ""}));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, code, message) in [
            ("n=0", "invalid_value", "n is 0"),
            ("n=x", "invalid_type", "n is a string"),
            ("n=null", "invalid_type", "n is a string"),
            ("is=1", "invalid_type", "is is"),
            ("y=1", "unknown_parameter", "y is not"),
            ("n=1&n=2", "invalid_value", "n stands twice"),
            ("x%5B%5D=1", "unsupported_parameter", "x[] is not supported"),
            ("text=%", "invalid_value", "percent-encoding"),
            ("text=%4", "invalid_value", "percent-encoding"),
            ("text=%zz", "invalid_value", "percent-encoding"),
            ("text=%ff", "invalid_value", "UTF-8"),
        ] {
            let (found, said) = query(text).unwrap_err();
            assert!(found == code && said.contains(message), "{text}: {found} {said}");
        }
    }
}
