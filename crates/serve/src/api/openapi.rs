//! `GET /openapi.json`: the routes, and the tables that check their bodies, as an OpenAPI 3.1
//! document.

use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::chat_completions::CHAT;
use super::completions::COMPLETION;
use super::embeddings::EMBEDDING;
use super::float::FLOAT;
use super::json_response;
use super::responses::{ITEM_LIST, NOTHING, RESPONSE, RETRIEVAL};
use super::schema::{Schema, document};
use super::tokenize::{DETOKENIZE, TOKENIZE};

/// A route for the document.
struct Route {
    method: &'static str,
    path: &'static str,
    about: &'static str,
    /// The body of a POST; others have none.
    body: Option<&'static Schema>,
    /// The names that may stand in the address's query.
    query: &'static Schema,
    /// Media types of an answer.
    answers: &'static [&'static str],
}

const JSON: &[&str] = &["application/json"];
const JSON_OR_EVENTS: &[&str] = &["application/json", "text/event-stream"];
const TEXT: &[&str] = &["text/plain"];
const HTML: &[&str] = &["text/html"];

const fn get(path: &'static str, about: &'static str, answers: &'static [&'static str]) -> Route {
    Route { method: "get", path, about, body: None, query: &NOTHING, answers }
}

const fn post(
    path: &'static str,
    about: &'static str,
    body: &'static Schema,
    answers: &'static [&'static str],
) -> Route {
    Route { method: "post", path, about, body: Some(body), query: &NOTHING, answers }
}

const ROUTES: &[Route] = &[
    post("/v1/chat/completions", "Answer a conversation", &CHAT, JSON_OR_EVENTS),
    post("/v1/completions", "Go on with a text", &COMPLETION, JSON_OR_EVENTS),
    post("/v1/responses", "Answer a conversation, in the newer form", &RESPONSE, JSON_OR_EVENTS),
    Route {
        query: &RETRIEVAL,
        ..get("/v1/responses/{response_id}", "A response that is kept, as it was answered", JSON)
    },
    Route {
        method: "delete",
        ..get("/v1/responses/{response_id}", "Keep a response no longer", JSON)
    },
    Route {
        query: &ITEM_LIST,
        ..get(
            "/v1/responses/{response_id}/input_items",
            "What a kept response was made from, with the conversation before it",
            JSON,
        )
    },
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
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation(route);
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
    let parameters: Vec<Value> = path_parameters(route.path)
        .chain(
            document(route.query)["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, schema)| json!({"name": name, "in": "query", "schema": schema})),
        )
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation
}

/// What stands in braces.
fn path_parameters(path: &'static str) -> impl Iterator<Item = Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names.map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    )
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
