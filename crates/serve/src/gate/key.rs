//! API keys.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::{Choice, ConstantTimeEq};

use crate::api::{ApiError, App};

/// Lets a request pass that has one of the keys, or any if there are none.
pub(crate) async fn expect_key(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let keys = &app.options.api_keys;
    if keys.is_empty() || is_known(bearer(request.headers()), keys) {
        return next.run(request).await;
    }
    let message = "a valid API key is needed: Authorization: Bearer KEY";
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message).into_response()
}

/// The key that a request has; none is as an empty one.
fn bearer(headers: &HeaderMap) -> &[u8] {
    let given = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    match given.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ => b"",
    }
}

/// Compares with all keys, and all bytes of each: how long it takes says nothing of where a guess
/// goes wrong.
fn is_known(given: &[u8], keys: &[String]) -> bool {
    let equal = |key: &String| key.as_bytes().ct_eq(given);
    keys.iter().fold(Choice::from(0), |any, key| any | equal(key)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_or_not() {
        let keys = ["alpha".to_string(), "beta".to_string()];
        let passes = |header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, header.parse().unwrap());
            is_known(bearer(&headers), &keys)
        };
        assert!(passes("Bearer alpha") && passes("bearer  beta "));
        for wrong in
            ["Bearer alph", "Bearer alphabeta", "Bearer", "Bearer ", "alpha", "Basic alpha"]
        {
            assert!(!passes(wrong), "{wrong}");
        }
        assert!(!is_known(bearer(&HeaderMap::new()), &keys));
    }
}
