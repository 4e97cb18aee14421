//! `GET /openapi.json`: the routes, and the tables that check their bodies, as an OpenAPI 3.1
//! document.

use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::chat_completions::CHAT;
use super::completions::COMPLETION;
use super::embeddings::EMBEDDING;
use super::float::FLOAT;
use super::json_response;
use super::responses::RESPONSE;
use super::schema::{Schema, document};
use super::tokenize::{DETOKENIZE, TOKENIZE};

/// A route for the document.
struct Route {
    path: &'static str,
    about: &'static str,
    /// The body of a POST; a GET has none.
    body: Option<&'static Schema>,
    /// Media types of an answer.
    answers: &'static [&'static str],
}

const JSON: &[&str] = &["application/json"];
const JSON_OR_EVENTS: &[&str] = &["application/json", "text/event-stream"];
const TEXT: &[&str] = &["text/plain"];
const HTML: &[&str] = &["text/html"];

const fn get(path: &'static str, about: &'static str, answers: &'static [&'static str]) -> Route {
    Route { path, about, body: None, answers }
}

const fn post(
    path: &'static str,
    about: &'static str,
    body: &'static Schema,
    answers: &'static [&'static str],
) -> Route {
    Route { path, about, body: Some(body), answers }
}

const ROUTES: &[Route] = &[
    post("/v1/chat/completions", "Answer a conversation", &CHAT, JSON_OR_EVENTS),
    post("/v1/completions", "Go on with a text", &COMPLETION, JSON_OR_EVENTS),
    post("/v1/responses", "Answer a conversation, in the newer form", &RESPONSE, JSON_OR_EVENTS),
    post("/v1/embeddings", "A vector for a text", &EMBEDDING, JSON),
    get("/v1/lora", "List the names of the model's adapters", JSON),
    get("/v1/models", "List the names of the model", JSON),
    get("/v1/models/{model}", "Describe a name of the model", JSON),
    post("/tokenize", "Text or a conversation to token ids", &TOKENIZE, JSON),
    post("/detokenize", "Token ids to text", &DETOKENIZE, JSON),
    get("/engine", "The engine and its cache as they are now", JSON),
    post("/float", "What becomes of a number in a format", &FLOAT, JSON),
    get("/float/formats", "The formats that have names", JSON),
    get("/", "A page to chat on", HTML),
    get("/health", "Whether the server works", JSON),
    get("/ready", "Whether requests should be sent here", JSON),
    get("/metrics", "Prometheus metrics", TEXT),
    get("/openapi.json", "This document", JSON),
];

/// The document.
pub(crate) async fn handle() -> impl IntoResponse {
    json_response(&openapi())
}

fn openapi() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let method = if route.body.is_some() { "post" } else { "get" };
        paths.insert(route.path.to_string(), json!({method: operation(route)}));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ulp serve",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The OpenAI API on a model of this machine. What is not in this \
                            document is refused by name.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": error_schema()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    })
}

fn operation(route: &Route) -> Value {
    let content: Map<String, Value> =
        route.answers.iter().map(|kind| (kind.to_string(), json!({}))).collect();
    let error = json!({
        "description": "What is wrong",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    });
    let mut operation = json!({
        "summary": route.about,
        "responses": {
            "200": {"description": "The answer", "content": content},
            "default": error,
        },
    });
    if let Some(body) = route.body {
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": document(body)}},
        });
    }
    if route.path.contains("{model}") {
        let schema = json!({"type": "string"});
        operation["parameters"] =
            json!([{"name": "model", "in": "path", "required": true, "schema": schema}]);
    }
    operation
}

fn error_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": text,
                "type": text,
                "param": {"type": ["string", "null"]},
                "code": text,
            },
        }},
    })
}
