//! The body of a request: bytes, then JSON, then the struct of its route.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;

use super::error::ApiError;
use super::schema::Schema;

/// Reads a request's body and fills the struct of its route.
///
/// # Errors
///
/// 415 if it is not called JSON or is encoded, 413 above `max` bytes, 408 if it does not come in `time`, 400 if
/// it is not JSON or not what `schema` allows.
pub(crate) async fn read<T: DeserializeOwned>(
    request: Request,
    schema: &Schema,
    max: usize,
    time: Duration,
) -> Result<T, ApiError> {
    let (parts, body) = request.into_parts();
    expect_json(&parts.headers)?;
    expect_no_encoding(&parts.headers)?;
    expect_length(&parts.headers, max)?;
    let bytes = tokio::time::timeout(time, bytes(body, max)).await.map_err(|_| {
        let message = format!("the body did not come within {} s", time.as_secs_f64());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message)
    })??;
    parse(&bytes, schema)
}

fn expect_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = named.and_then(|named| named.split(';').next()).unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the header content-type must be application/json";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
}

/// Refuses a body that is compressed; what it says would be taken for bad JSON.
fn expect_no_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_identity) {
        return Ok(());
    }
    let message = "the body must not be encoded: no header content-encoding but identity";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message))
}

/// Refuses a length that is announced before it is sent.
fn expect_length(headers: &HeaderMap, max: usize) -> Result<(), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match announced.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > max as u64 => Err(too_large(max)),
        _ => Ok(()),
    }
}

async fn bytes(body: Body, max: usize) -> Result<axum::body::Bytes, ApiError> {
    to_bytes(body, max).await.map_err(|error| {
        // The limit's error has no type that axum names; a broken connection is hyper's.
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.to_string().contains("length limit")) {
            return too_large(max);
        }
        let message = format!("the body could not be read: {error}");
        ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", message)
    })
}

fn too_large(max: usize) -> ApiError {
    let message = format!("the body has more than {max} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

fn parse<T: DeserializeOwned>(bytes: &[u8], schema: &Schema) -> Result<T, ApiError> {
    let invalid = |error: serde_json::Error| {
        let message = format!("the body is not JSON: {error}");
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", message)
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut value = NamesOnce.deserialize(&mut deserializer).map_err(invalid)?;
    deserializer.end().map_err(invalid)?;
    schema.check(&mut value, "")?;
    // The table has checked every field that the struct has.
    serde_json::from_value(value).map_err(|error| ApiError::value("", error.to_string()))
}

/// Reads any JSON value and refuses objects in which a name stands twice: of two values one would
/// be ignored in silence.
struct NamesOnce;

impl<'de> DeserializeSeed<'de> for NamesOnce {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NamesOnce {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(NamesOnce)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("the name {name:?} stands twice")));
            }
            object.insert(name, map.next_value_seed(NamesOnce)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Value, String> {
        parse(text.as_bytes(), &Schema::AnyObject).map_err(|error| error.message)
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let text = r#"{"a": [1, -2, 0.5, "x", true, null, {"b": {}}]}"#;
        assert_eq!(value(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        let message = value(r#"{"a": {"b": 1, "b": 1}}"#).unwrap_err();
        assert!(message.contains("\"b\" stands twice at line 1"), "{message}");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{} {}", "{\"a\": NaN}", "{\"a\": 1e999}", "\u{0}"] {
            let message = value(text).unwrap_err();
            assert!(message.starts_with("the body is not JSON: "), "{text}: {message}");
        }
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(200), "]".repeat(200));
        assert!(value(&deep).unwrap_err().contains("recursion limit"));
        let bad: Result<Value, _> = parse(b"{\"a\": \"\xff\"}", &Schema::AnyObject);
        assert_eq!(bad.unwrap_err().code, "invalid_json");
    }
}
