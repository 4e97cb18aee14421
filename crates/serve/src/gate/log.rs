//! One line in the log for each request, and its name in the answer.

use std::time::Instant;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::trace_context::TraceContext;
use crate::random::random_name;

/// Gives a request a name (`x-request-id`) and a place in a trace (`traceparent`), under which
/// everything about it is logged.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let id = random_name("req-");
    let trace = TraceContext::of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let span = tracing::info_span!("request", id = id.as_str(), trace_id = trace.trace_id(), %method, path);
    async {
        let start = Instant::now();
        let mut response = next.run(request).await;
        for (name, value) in [("x-request-id", id), ("traceparent", trace.to_string())] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        tracing::info!(status = response.status().as_u16(), milliseconds, "answered");
        response
    }
    .instrument(span)
    .await
}
