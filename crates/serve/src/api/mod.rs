//! The routes.

mod answer;
mod app;
mod body;
mod chat_completions;
mod completions;
mod embeddings;
mod engine_view;
mod error;
mod float;
mod grammars;
mod health;
mod models;
mod openapi;
mod page;
mod query;
mod responses;
mod sampling;
mod schema;
mod structured;
mod text_generation;
mod tokenize;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use serde_json::Value;

use crate::gate;
pub(crate) use app::App;
pub(crate) use error::ApiError;
pub(crate) use grammars::Grammars;

/// All routes, behind keys and origins where the options ask for them.
pub(crate) fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*model}", get(models::one))
        .route("/v1/chat/completions", post(chat_completions::handle))
        .route("/v1/completions", post(completions::handle))
        .route("/v1/responses", post(responses::handle))
        .route("/v1/responses/{response_id}", get(responses::one))
        .route("/v1/responses/{response_id}", delete(responses::delete))
        .route("/v1/responses/{response_id}/input_items", get(responses::input_items))
        .route("/v1/embeddings", post(embeddings::handle))
        .route("/v1/lora", get(models::adapters))
        .route("/engine", get(engine_view::handle))
        .route("/float", post(float::handle))
        .route("/float/formats", get(float::formats))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/detokenize", post(tokenize::detokenize))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), gate::expect_key));
    // What probes, scrapers and browsers ask before they have a key.
    let open = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/", get(page::index))
        .route("/page/{file}", get(page::part))
        .route("/openapi.json", get(openapi::handle))
        .method_not_allowed_fallback(wrong_method);
    guarded
        .merge(open)
        .fallback(unknown_route)
        .layer(from_fn_with_state(Arc::clone(&app), gate::allow_origins))
        .layer(axum::middleware::from_fn(gate::log))
        .with_state(app)
}

async fn unknown_route(method: Method, uri: Uri) -> ApiError {
    let message = format!("there is no {method} {}", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "unknown_url", message)
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

fn json_response(value: &Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string())
}

/// Does work that takes a while off the threads that serve the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| ApiError::internal("a request could not be prepared"))
}
