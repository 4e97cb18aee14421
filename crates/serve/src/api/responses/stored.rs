//! `GET` and `DELETE /v1/responses/{response_id}`, `GET /v1/responses/{response_id}/input_items`:
//! responses that are kept.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::Turn;
use crate::api::app::App;
use crate::api::error::ApiError;
use crate::api::schema::{Parameter, Schema, WORD};
use crate::api::{blocking, json_response, query};
use crate::gate::Caller;

const WHOLE: &str = "a kept response comes as a whole, as it was answered";

/// What may be asked of a response that is kept.
pub(crate) const RETRIEVAL: Schema = Schema::Object(&[&[
    Parameter::optional("stream", Schema::Only(false), "It comes as a whole"),
    Parameter::optional("include_obfuscation", Schema::Only(false), "Nothing is padded"),
    Parameter::refused("starting_after", WHOLE),
    Parameter::refused("include", WHOLE),
    Parameter::refused("include[]", WHOLE),
]]);

/// Which of its items.
pub(crate) const ITEM_LIST: Schema = Schema::Object(&[&[
    Parameter::optional(
        "limit",
        Schema::Integer { min: 1, max: 100 },
        "Items of a page at most; default 20",
    ),
    Parameter::optional(
        "order",
        Schema::Choice(&["asc", "desc"]),
        "The first or the last first; default desc",
    ),
    Parameter::optional("after", WORD, "Those that follow the item of this id"),
    Parameter::refused("include", WHOLE),
    Parameter::refused("include[]", WHOLE),
]]);

/// Takes no name at all.
pub(crate) const NOTHING: Schema = Schema::Object(&[]);

#[derive(Debug, Deserialize)]
struct ItemList {
    limit: Option<usize>,
    order: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// The turn of a response.
fn find(
    app: &App,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Arc<Turn>, ApiError> {
    let Path(id) = id?;
    app.responses.find(&id, caller).ok_or_else(|| not_found(&id))
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "response_not_found", no_response(id))
}

/// That there is no such response: it never was, is no longer kept, or is another key's.
pub(super) fn no_response(id: &str) -> String {
    // Anything may be sent as an id, at any length.
    let shown: String = id.chars().take(64).collect();
    format!("there is no response {shown:?}")
}

/// A response as it was answered.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<impl IntoResponse, ApiError> {
    let Nothing {} = query::read(&uri, &RETRIEVAL)?;
    let turn = find(&app, caller, id)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], turn.response().to_string()))
}

/// Forgets a response.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<impl IntoResponse, ApiError> {
    let Nothing {} = query::read(&uri, &NOTHING)?;
    let Path(id) = id?;
    match app.responses.forget(&id, caller) {
        true => Ok(json_response(&json!({"id": id, "object": "response", "deleted": true}))),
        false => Err(not_found(&id)),
    }
}

/// A page of the items that a response was made from.
pub(crate) async fn input_items(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<impl IntoResponse, ApiError> {
    let wanted: ItemList = query::read(&uri, &ITEM_LIST)?;
    let turn = find(&app, caller, id)?;
    let items = blocking(move || turn.input()).await?;
    Ok(json_response(&page(items, &wanted)?))
}

fn page(mut items: Vec<Value>, wanted: &ItemList) -> Result<Value, ApiError> {
    if wanted.order.as_deref() != Some("asc") {
        items.reverse();
    }
    if let Some(after) = &wanted.after {
        let place = items.iter().position(|item| item["id"] == *after);
        let Some(place) = place else {
            return Err(ApiError::value("after", "after is not the id of an item of this input"));
        };
        items.drain(..=place);
    }
    let limit = wanted.limit.unwrap_or(20);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    Ok(json!({
        "object": "list",
        "first_id": id(items.first()),
        "last_id": id(items.last()),
        "has_more": has_more,
        "data": items,
    }))
}
