//! `GET /health`, `GET /ready`, `GET /metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::app::App;
use super::error::ApiError;
use super::json_response;

/// Whether the process does its work; also while it ends.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    match app.engine.is_alive() {
        true => Ok(json_response(&json!({"status": "ok"}))),
        false => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "engine_stopped",
            "the engine has stopped",
        )),
    }
}

/// Whether requests should be sent here.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    match app.is_ready() {
        true => Ok(json_response(&json!({"status": "ready"}))),
        false => Err(ApiError::unavailable("shutting_down", "the server is shutting down", 5)),
    }
}

/// What Prometheus reads.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let adapters: Vec<&str> = app.model.adapters.iter().map(|(name, _)| name.as_str()).collect();
    (kind, app.metrics.page(app.model.name(), &adapters, app.responses.size()))
}
