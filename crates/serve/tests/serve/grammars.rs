//! Grammars that are deep, or take long: they hold up nobody and end nothing but their own request.

use std::time::{Duration, Instant};

use crate::test_server::TestServer;
use serde_json::{Value, json};

fn chat(format: Value) -> Value {
    json!({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5,
        "response_format": format})
}

fn schema(schema: Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
}

/// A grammar of `n` rules each of which is the next one.
fn chain(n: usize, letter: char) -> Value {
    let rules: String = (0..n).map(|i| format!("{letter}{i}: {letter}{}\n", i + 1)).collect();
    json!({"type": "grammar", "grammar": format!("start: {letter}0\n{rules}{letter}{n}: \"a\"")})
}

/// A schema that takes seconds, a property at a time.
fn slow() -> Value {
    let names: Vec<String> = (0..12_000).map(|i| format!("name{i}")).collect();
    schema(json!({"type": "object", "required": names}))
}

#[test]
fn deep_grammars_end_no_server() {
    let server = TestServer::start();
    for letter in ['r', 'A'] {
        let answer = server.post("/v1/chat/completions", &chat(chain(1000, letter))).json();
        assert_eq!(answer["choices"][0]["message"]["content"], "a");
    }
    let properties: serde_json::Map<String, Value> =
        (0..4500).map(|i| (format!("p{i}"), json!({"type": "integer"}))).collect();
    let wide = schema(json!({"type": "object", "properties": properties}));
    let definition = |i: usize| {
        let part = json!({"allOf": [{"$ref": format!("#/$defs/d{}", i + 1)}, {"type": "object"}]});
        (format!("d{i}"), json!({"type": "object", "properties": {"a": part, "b": part}}))
    };
    let mut definitions: serde_json::Map<String, Value> = (0..30).map(definition).collect();
    definitions.insert("d30".to_string(), json!({"type": "object"}));
    let doubled = schema(json!({"$ref": "#/$defs/d0", "$defs": definitions}));
    for format in [chain(20_000, 'r'), chain(20_000, 'A'), wide, doubled] {
        for stream in [false, true] {
            let mut body = chat(format.clone());
            body["stream"] = json!(stream);
            let reply = server.post("/v1/chat/completions", &body);
            let (status, param, code, _) = reply.error();
            assert_eq!((status, param.as_str()), (400, "response_format"));
            assert_eq!(code, "grammar_too_large");
        }
    }
    let names: Vec<String> = (0..20_000).map(|i| format!("p{i}")).collect();
    let parameters = json!({"type": "object", "required": names});
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": parameters}});
    let body = json!({"messages": [{"role": "user", "content": "Hello"}], "tools": [tool]});
    assert_eq!(server.post("/v1/chat/completions", &body).error().1, "tools");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_grammar_that_takes_long_holds_up_nobody() {
    let server = TestServer::with(|options, _| options.timeout = Duration::from_millis(1500));
    let mut slow_one = server.connect();
    let body = chat(slow()).to_string();
    let start = Instant::now();
    let json_type = [("content-type", "application/json")];
    slow_one.write_request("POST", "/v1/chat/completions", &json_type, body.as_bytes());
    // Others are answered while it is compiled.
    let mut answered = 0;
    while start.elapsed() < Duration::from_millis(1200) {
        let body = json!({"prompt": "ab", "max_tokens": 2});
        assert_eq!(server.post("/v1/completions", &body).status, 200);
        answered += 1;
    }
    assert!(answered > 3, "{answered}");
    let reply = slow_one.read_reply();
    assert_eq!((reply.status, reply.error().2.as_str()), (504, "request_timeout"));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(server.metric("vllm:num_requests_running"), 0.0);
}
