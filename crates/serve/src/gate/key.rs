//! API keys.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::api::{ApiError, App};

/// Who asks, as far as keys tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// There are no keys.
    Anybody,
    /// Somebody with the key of this number.
    Key(usize),
}

/// Lets a request pass that has one of the keys, or any if there are none; who asks goes with it.
pub(crate) async fn expect_key(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let keys = &app.options.api_keys;
    let caller = match keys.is_empty() {
        true => Some(Caller::Anybody),
        false => key_of(bearer(request.headers()), keys).map(Caller::Key),
    };
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
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

/// Which key it is. Compares with all keys, and all bytes of each: how long it takes says nothing of
/// where a guess goes wrong.
fn key_of(given: &[u8], keys: &[String]) -> Option<usize> {
    let (mut is_known, mut number) = (Choice::from(0), 0);
    for (i, key) in (0_u64..).zip(keys) {
        let is_equal = key.as_bytes().ct_eq(given);
        is_known |= is_equal;
        number.conditional_assign(&i, is_equal);
    }
    bool::from(is_known).then_some(number as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_or_not() {
        let keys = ["alpha".to_string(), "beta".to_string()];
        let number = |header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, header.parse().unwrap());
            key_of(bearer(&headers), &keys)
        };
        assert_eq!((number("Bearer alpha"), number("bearer  beta ")), (Some(0), Some(1)));
        for wrong in
            ["Bearer alph", "Bearer alphabeta", "Bearer", "Bearer ", "alpha", "Basic alpha"]
        {
            assert_eq!(number(wrong), None, "{wrong}");
        }
        assert_eq!(key_of(bearer(&HeaderMap::new()), &keys), None);
    }
}
