//! `GET /v1/models` and `GET /v1/models/{model}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::app::App;
use super::error::ApiError;
use super::json_response;

/// The names of the model.
pub(crate) async fn list(State(app): State<Arc<App>>) -> impl IntoResponse {
    let data: Vec<Value> = app.model.names.iter().map(|name| entry(&app, name)).collect();
    json_response(&json!({"object": "list", "data": data}))
}

/// One of them.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    app.expect_model(Some(&name))?;
    Ok(json_response(&entry(&app, &name)))
}

fn entry(app: &App, name: &str) -> Value {
    json!({
        "id": name,
        "object": "model",
        "created": app.created,
        "owned_by": "ulp",
        "context_length": app.context,
        "vocabulary": app.model.model.vocab_size(),
    })
}
