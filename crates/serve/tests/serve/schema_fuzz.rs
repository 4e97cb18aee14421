//! Random bodies made from the OpenAPI document, sound ones and ones with random damage, to every
//! route: each gets an answer or an error of the documented form, and nothing is left behind.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::openapi::{place, short, types};
use crate::test_server::{Reply, TestServer};
use serde_json::{Map, Value, json};
use ulp_tensor::Philox;

/// Bodies of each kind for each route.
const BODIES: u64 = 120;

/// Random choices, the same in every run.
struct Draw {
    random: Philox,
    next: Cell<u64>,
}

impl Draw {
    fn new(seed: u64) -> Self {
        Draw { random: Philox::new(seed, 0), next: Cell::new(0) }
    }

    fn unit(&self) -> f64 {
        self.next.set(self.next.get() + 1);
        self.random.uniform(self.next.get())
    }

    fn below(&self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    fn one_of<'a, T>(&self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn text(&self, min: usize) -> String {
        let texts = ["", "a", "Hello", "né\u{1F999}\n", "\u{0}\u{7f}", "\"}]\\", "{\"a\": 1}"];
        let text = self.one_of(&texts).repeat(1 + self.below(4));
        if text.chars().count() < min { "x".repeat(min) } else { text }
    }

    /// Anything at all.
    fn junk(&self) -> Value {
        match self.below(10) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(u64::MAX),
            4 => json!(1e300),
            5 => json!(0.5),
            6 => json!(self.text(0)),
            7 => json!([self.text(0), {"type": "function"}]),
            8 => json!({"type": self.text(0), "properties": [], "x": {}}),
            _ => (0..200).fold(json!([]), |inner, _| json!([inner])),
        }
    }

    /// A value that a schema allows.
    fn sound(&self, schema: &Value) -> Value {
        for word in ["anyOf", "oneOf"] {
            if let Some(list) = schema[word].as_array() {
                return self.sound(self.one_of(list));
            }
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(words) = schema["enum"].as_array() {
            return self.one_of(words).clone();
        }
        let within = |schema: &Value, most: f64| {
            let min = schema["minimum"].as_f64().unwrap_or(-most).max(-most);
            let max = schema["maximum"].as_f64().unwrap_or(most).min(most).max(min);
            [min, max, min + (max - min) * self.unit()][self.below(3)]
        };
        match schema["type"].as_str().unwrap_or_default() {
            "null" => Value::Null,
            "boolean" => json!(self.below(2) == 0),
            "integer" => json!(within(schema, *self.one_of(&[5.0, 300.0, 1e15])) as i64),
            "number" => json!(within(schema, 100.0)),
            "string" => json!(self.text(schema["minLength"].as_u64().unwrap_or(0) as usize)),
            "array" => {
                let min = schema["minItems"].as_u64().unwrap_or(0) as usize;
                let max = schema["maxItems"].as_u64().unwrap_or(u64::MAX).min(min as u64 + 3);
                let n = min + self.below(max as usize - min + 1);
                (0..n).map(|_| self.sound(&schema["items"])).collect()
            }
            "object" => self.object(schema),
            other => panic!("type {other:?} in {schema}"),
        }
    }

    fn object(&self, schema: &Value) -> Value {
        let mut object = Map::new();
        if let Some(values) = schema.get("additionalProperties").filter(|s| s.is_object()) {
            for _ in 0..self.below(3) {
                object.insert(self.text(1), self.sound(values));
            }
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&json!(name)) || self.below(5) == 0 {
                object.insert(name.clone(), self.sound(property));
            }
        }
        Value::Object(object)
    }

    /// Puts something else in a random place.
    fn damage(&self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(4) > 0 => {
                let name = self.one_of(&fields.keys().cloned().collect::<Vec<_>>()).clone();
                match self.below(6) {
                    0 => drop(fields.remove(&name)),
                    1 => drop(fields.insert(self.text(1), self.junk())),
                    _ => self.damage(&mut fields[&name]),
                }
            }
            Value::Array(items) if !items.is_empty() && self.below(4) > 0 => {
                let index = self.below(items.len());
                self.damage(&mut items[index]);
            }
            other => *other = self.junk(),
        }
    }
}

/// A reply is an answer, or an error of the documented form that is the client's fault or says that
/// there is no room.
#[track_caller]
fn check(reply: &Reply, error_schema: &Value, what: &str) {
    if reply.status == 200 {
        return;
    }
    assert!((400..500).contains(&reply.status) || reply.status == 503, "{what}: {}", reply.status);
    assert_eq!(reply.header("content-type"), Some("application/json"), "{what}");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let fields = &error_schema["properties"]["error"];
    for name in fields["required"].as_array().unwrap() {
        let (name, value) = (name.as_str().unwrap(), &body["error"][name.as_str().unwrap()]);
        let kind = if value.is_null() { "null" } else { "string" };
        let allowed = &fields["properties"][name]["type"];
        let is_allowed =
            *allowed == kind || allowed.as_array().is_some_and(|a| a.contains(&json!(kind)));
        assert!(is_allowed, "{what}: {name} in {body}");
    }
}

#[test]
fn random_bodies_get_an_answer_or_an_error() {
    let server = TestServer::with(|options, _| options.max_n = 4);
    let document = server.get("/openapi.json").json();
    let errors = &document["components"]["schemas"]["Error"];
    let (mut taken, mut refused) = (0, 0);
    for (route, (path, operations)) in document["paths"].as_object().unwrap().iter().enumerate() {
        let Some(post) = operations.get("post") else { continue };
        let schema = &post["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(types(schema), ["object"], "{path}");
        for seed in 0..2 * BODIES {
            let draw = Draw::new(1000 * route as u64 + seed);
            let mut body = draw.sound(schema);
            if seed >= BODIES {
                draw.damage(&mut body);
            }
            let body = if body.is_object() { short(body) } else { body };
            let reply = server.post(path, &body);
            check(&reply, errors, &format!("{path} {body}"));
            if reply.status == 200 && body["stream"] == true {
                assert!(reply.text().ends_with("\n\n"), "{path} {body}: a whole stream");
            }
            match reply.status {
                200 => taken += 1,
                _ => refused += 1,
            }
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} taken, {refused} refused");
    server.await_metric("vllm:num_requests_running", 0.0);
    assert_eq!(server.get("/engine").json()["running"], 0);
}

#[test]
fn other_methods_and_names_get_an_error() {
    let server = TestServer::start();
    let document = server.get("/openapi.json").json();
    let errors = &document["components"]["schemas"]["Error"];
    for (path, operations) in document["paths"].as_object().unwrap() {
        let known: Vec<String> =
            operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        let place = place(&server, path);
        for method in ["GET", "POST", "DELETE", "PATCH", "BREW"] {
            if known.iter().any(|known| known == method) {
                continue;
            }
            let reply = server.connect().send(method, &place, &[], b"{}");
            assert_eq!(reply.status, 405, "{method} {path}");
            let allowed = reply.header("allow").unwrap();
            assert!(known.iter().all(|known| allowed.contains(known)), "{path}: {allowed}");
            check(&reply, errors, path);
        }
        for end in ["?x=%00&y", "?limit=%00&order=x&after", "/", "/%2e%2e/x", "%ff"] {
            for known in &known {
                let place = format!("{place}{end}");
                check(&server.connect().send(known, &place, &[], b"{}"), errors, &place);
            }
        }
    }
    assert_eq!(server.get("/health").status, 200);
}

/// The routes as they are wired; files of the page are no part of the interface.
#[test]
fn the_document_has_every_route() {
    let source = include_str!("../../src/api/mod.rs");
    let wired: BTreeSet<(String, &str)> = source
        .split(".route(\"")
        .skip(1)
        .map(|rest| {
            let (path, rest) = rest.split_once("\", ").unwrap();
            (path.replace("{*", "{"), rest.split_once('(').unwrap().0)
        })
        .filter(|(path, _)| !path.starts_with("/page/"))
        .collect();
    let document = TestServer::start().get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let documented: BTreeSet<(String, &str)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(|method| (path.clone(), method.as_str()))
        })
        .collect();
    assert_eq!(documented, wired);
    assert!(wired.len() > 10);
}
