//! `GET /`: the page, embedded. It asks no other server for anything, and its policy says so to the
//! browser.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

/// Nothing but this server's own files, no scripts or styles in the page itself, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Files, their types and contents.
const FILES: &[(&str, &str, &str)] = &[
    ("index.html", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("page.css", "text/css; charset=utf-8", include_str!("../page/page.css")),
    ("tabs.js", SCRIPT, include_str!("../page/tabs.js")),
    ("server.js", SCRIPT, include_str!("../page/server.js")),
    ("chat.js", SCRIPT, include_str!("../page/chat.js")),
    ("engine.js", SCRIPT, include_str!("../page/engine.js")),
    ("float.js", SCRIPT, include_str!("../page/float.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page itself.
pub(crate) async fn index() -> Response {
    file("index.html").expect("it is in the list")
}

/// A file of it.
pub(crate) async fn part(name: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let Path(name) = name?;
    file(&name).ok_or_else(|| {
        let message = format!("the page has no file {name:?}");
        ApiError::new(StatusCode::NOT_FOUND, "unknown_url", message)
    })
}

fn file(name: &str) -> Option<Response> {
    let (_, kind, contents) = FILES.iter().find(|(known, _, _)| *known == name)?;
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Some((headers, *contents).into_response())
}
