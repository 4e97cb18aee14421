//! `GET /v1/models`, `GET /v1/models/{model}`, `GET /v1/lora`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::app::App;
use super::error::ApiError;
use super::json_response;

/// The names of the model.
pub(crate) async fn list(State(app): State<Arc<App>>) -> impl IntoResponse {
    let data: Vec<Value> = app.model.all_names().map(|name| entry(&app, name)).collect();
    json_response(&json!({"object": "list", "data": data}))
}

/// The names of its adapters.
pub(crate) async fn adapters(State(app): State<Arc<App>>) -> impl IntoResponse {
    let names = app.model.adapters.iter().map(|(name, _)| entry(&app, name));
    json_response(&json!({"object": "list", "data": names.collect::<Vec<Value>>()}))
}

/// One of them.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Path(name) = name?;
    app.find_model(Some(&name))?;
    Ok(json_response(&entry(&app, &name)))
}

fn entry(app: &App, name: &str) -> Value {
    json!({
        "id": name,
        "object": "model",
        "created": app.created,
        "owned_by": "ulp",
        "parent": app.model.adapters.iter().any(|(known, _)| known == name).then(|| app.model.name()),
        "context_length": app.context,
        "vocabulary": app.model.model.vocab_size(),
    })
}
