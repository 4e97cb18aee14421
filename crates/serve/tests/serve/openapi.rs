//! The OpenAPI document against what the routes accept: bodies made from its schemas are taken,
//! bodies with one thing wrong are refused with 400 and the name of that thing, and none of them
//! gets a 5xx.

use crate::test_server::TestServer;
use serde_json::{Map, Value, json};

/// Values that a schema allows: its edges, and something in between.
fn allowed(schema: &Value) -> Vec<Value> {
    for word in ["anyOf", "oneOf"] {
        if let Some(list) = schema[word].as_array() {
            return list.iter().flat_map(allowed).collect();
        }
    }
    if let Some(value) = schema.get("const") {
        return vec![value.clone()];
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.clone();
    }
    match schema["type"].as_str().unwrap_or_else(|| panic!("no type: {schema}")) {
        "null" => vec![Value::Null],
        "boolean" => vec![json!(true), json!(false)],
        "integer" => edges(schema, |x| json!(x as i64)),
        "number" => edges(schema, |x| json!(x)),
        "string" => {
            let short = "a".repeat(schema["minLength"].as_u64().unwrap_or(0) as usize);
            vec![json!(short), json!("né\u{1F999}\n")]
        }
        "array" => arrays(schema),
        "object" => objects(schema),
        other => panic!("type {other}"),
    }
}

fn edges(schema: &Value, number: impl Fn(f64) -> Value) -> Vec<Value> {
    let min = schema["minimum"].as_f64().unwrap_or(f64::MIN);
    let max = schema["maximum"].as_f64().unwrap_or(if min < 1000.0 { 1000.0 } else { min });
    vec![number(min.max(-1e15)), number(max.min(1e15))]
}

fn arrays(schema: &Value) -> Vec<Value> {
    let (min, max) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
    let items = allowed(&schema["items"]);
    let size = (min.unwrap_or(0) as usize).max(1).min(max.unwrap_or(u64::MAX) as usize);
    let mut arrays: Vec<Value> =
        items.iter().map(|item| Value::Array(vec![item.clone(); size])).collect();
    if min == Some(0) {
        arrays.push(json!([]));
    }
    arrays
}

/// The least object, and for each property that with each of its values.
fn objects(schema: &Value) -> Vec<Value> {
    let Some(properties) = schema["properties"].as_object() else { return vec![json!({})] };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().map(|r| r.as_str().unwrap()).collect();
    let least: Map<String, Value> = required
        .iter()
        .map(|&name| (name.to_string(), allowed(&properties[name]).pop().unwrap()))
        .collect();
    let mut objects = vec![Value::Object(least.clone())];
    for (name, schema) in properties {
        for value in allowed(schema) {
            let mut object = least.clone();
            object.insert(name.clone(), value);
            objects.push(Value::Object(object));
        }
    }
    objects
}

/// A value of a type that the schema does not take, if there is one.
fn forbidden(schema: &Value) -> Option<Value> {
    let takes = |kind: &str| types(schema).iter().any(|known| known == kind);
    let candidates =
        [("object", json!({"x": 1})), ("string", json!("x")), ("boolean", json!(true))];
    candidates.into_iter().find(|(kind, _)| !takes(kind)).map(|(_, value)| value)
}

pub(crate) fn types(schema: &Value) -> Vec<String> {
    for word in ["anyOf", "oneOf"] {
        if let Some(list) = schema[word].as_array() {
            return list.iter().flat_map(types).collect();
        }
    }
    vec![schema["type"].as_str().unwrap_or_default().to_string()]
}

/// A path with names of things that there are.
pub(crate) fn place(server: &TestServer, path: &str) -> String {
    let mut path = path.replace("{model}", "tiny");
    if path.contains("{response_id}") {
        let body = json!({"input": "a", "max_output_tokens": 1});
        let made = server.post("/v1/responses", &body).json();
        path = path.replace("{response_id}", made["id"].as_str().unwrap());
    }
    path
}

#[test]
fn what_the_document_allows_is_taken_and_nothing_else() {
    let server = TestServer::with(|options, _| options.max_n = 1000);
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut taken, mut sent) = (0, 0);
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(post) = operations.get("post") else {
            let path = place(&server, path);
            assert_eq!(server.get(&path).status, 200, "{path}");
            continue;
        };
        let schema = &post["requestBody"]["content"]["application/json"]["schema"];
        for body in objects(schema) {
            let body = if path.starts_with("/v1/") && path != "/v1/embeddings" {
                short(body)
            } else {
                body
            };
            let reply = server.post(path, &body);
            sent += 1;
            taken += usize::from(reply.status == 200);
            if reply.status != 200 {
                let (status, param, code, message) = reply.error();
                // The document cannot say everything: what depends on the model, on the server's
                // limits, on what it keeps, or on two parameters together.
                let known = [
                    "invalid_value",
                    "missing_required_parameter",
                    "model_not_found",
                    "overloaded",
                    "context_length_exceeded",
                    "previous_response_not_found",
                ];
                assert!(
                    known.contains(&code.as_str()),
                    "{path} {body}: {status} {param} {message}"
                );
            }
        }
        for (name, property) in schema["properties"].as_object().unwrap() {
            let Some(value) = forbidden(property) else { continue };
            let mut body = objects(schema)[0].clone();
            body[name.as_str()] = value;
            let (status, param, ..) = server.post(path, &body).error();
            assert_eq!(status, 400, "{path} {body}");
            assert!(param.starts_with(name.as_str()), "{path} {body}: {param}");
        }
        let mut body = objects(schema)[0].clone();
        body["no_such_name"] = json!(1);
        assert_eq!(server.post(path, &body).error().1, "no_such_name");
    }
    assert!(sent > 100 && taken * 3 > sent * 2, "{taken} of {sent} were taken");
}

/// Fewer tokens, so that it does not take long.
pub(crate) fn short(mut body: Value) -> Value {
    for name in ["max_tokens", "max_completion_tokens", "max_output_tokens", "n"] {
        if body.get(name).and_then(Value::as_u64).is_some_and(|n| n > 3) {
            body[name] = json!(3);
        }
    }
    for (place, limit) in [("messages", "max_tokens"), ("input", "max_output_tokens")] {
        if body.get(place).is_some() && !body.to_string().contains("max_") {
            body[limit] = json!(3);
        }
    }
    body
}
