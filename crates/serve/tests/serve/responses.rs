//! `/v1/responses`: a chat in another form, with tools.

use crate::test_server::TestServer;
use serde_json::{Value, json};

#[test]
fn a_response_is_a_chat_in_another_form() {
    let server = TestServer::start();
    let chat = json!({"messages": [{"role": "user", "content": "Hello"}], "seed": 7,
        "max_tokens": 12});
    let chat = server.post("/v1/chat/completions", &chat).json();
    let text = &chat["choices"][0]["message"]["content"];
    let mut body = json!({"input": "Hello", "seed": 7, "max_output_tokens": 12,
        "metadata": {"a": "b"}, "include": ["message.output_text.logprobs"]});
    let whole = server.post("/v1/responses", &body).json();
    assert_eq!((&whole["object"], &whole["status"]), (&json!("response"), &json!("incomplete")));
    assert_eq!(whole["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(whole["metadata"]["a"], "b");
    let part = &whole["output"][0]["content"][0];
    assert_eq!(&part["text"], text);
    assert!(!part["logprobs"].as_array().unwrap().is_empty());
    assert_eq!(whole["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);

    body["stream"] = json!(true);
    let reply = server.post("/v1/responses", &body);
    assert!(reply.text().starts_with("event: response.created\ndata: "));
    let events = reply.events();
    let names: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        names[..3],
        ["response.created", "response.in_progress", "response.output_item.added"]
    );
    assert_eq!(names.last(), Some(&"response.incomplete"));
    for (i, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], i);
    }
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(&json!(deltas.collect::<String>()), text);
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["output"][0]["content"], whole["output"][0]["content"]);
    // An answer can be sent back as it came.
    let input = json!([{"role": "user", "content": "Hello"}, last["output"][0],
        {"role": "user", "content": [{"type": "input_text", "text": "Go on"}]}]);
    assert_eq!(
        server.post("/v1/responses", &json!({"input": input, "max_output_tokens": 1})).status,
        200
    );
}

/// What was asked comes back with the answer: as it was sent, or as it is where nothing was said.
#[test]
fn a_response_says_what_was_asked() {
    let server = TestServer::with_context(2048, |_, _| ());
    let schema = json!({"type": "object", "properties": {"up": {"type": "boolean"}},
        "required": ["up"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "name": "point", "strict": true, "schema": schema,
        "description": "Where it is"});
    let mut body = json!({
        "input": "Hello", "instructions": "Be brief.", "seed": 1, "temperature": 0.7, "top_p": 0.9,
        "max_output_tokens": 100, "metadata": {"a": "b"}, "parallel_tool_calls": false,
        "text": {"format": format}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
        "top_logprobs": 2, "include": ["message.output_text.logprobs"], "truncation": "disabled",
    });
    let whole = server.post("/v1/responses", &body).json();
    let text = whole["output"][0]["content"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert!(answer["up"].is_boolean(), "{text}");
    for name in [
        "instructions",
        "temperature",
        "top_p",
        "max_output_tokens",
        "metadata",
        "text",
        "user",
        "parallel_tool_calls",
        "safety_identifier",
        "prompt_cache_key",
        "top_logprobs",
        "truncation",
    ] {
        assert_eq!(whole[name], body[name], "{name}");
    }
    body["stream"] = json!(true);
    let events = server.post("/v1/responses", &body).events();
    for at in [0, 1, events.len() - 1] {
        assert_eq!(events[at]["response"]["text"], body["text"]);
    }
    for format in [json!({"type": "json_object"}), json!({"type": "text"})] {
        let body = json!({"input": "Hello", "max_output_tokens": 2, "text": {"format": format}});
        assert_eq!(server.post("/v1/responses", &body).json()["text"]["format"], format);
    }

    let silent = server.post("/v1/responses", &json!({"input": "a", "max_output_tokens": 1}));
    let silent = silent.json();
    for (name, value) in [
        ("text", json!({"format": {"type": "text"}})),
        ("temperature", json!(1.0)),
        ("top_p", json!(1.0)),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("parallel_tool_calls", json!(true)),
        ("metadata", json!({})),
        ("instructions", Value::Null),
        ("previous_response_id", Value::Null),
        ("top_logprobs", json!(0)),
    ] {
        assert_eq!(silent[name], value, "{name}");
    }
    let usage = &silent["usage"];
    let details = &usage["input_tokens_details"];
    let [cached, written] =
        ["cached_tokens", "cache_write_tokens"].map(|name| details[name].as_u64().unwrap());
    assert_eq!(usage["input_tokens"], cached + written);
}

fn tools() -> Value {
    json!([
        {"type": "function", "name": "weather", "strict": true, "parameters": {"type": "object",
            "properties": {"city": {"enum": ["Rome", "Oslo"]}, "days": {"type": "integer"}},
            "required": ["city", "days"], "additionalProperties": false}},
        {"type": "function", "name": "time"},
    ])
}

/// The same as a response has them.
fn told_tools() -> Value {
    let mut tools = tools();
    tools[1]["parameters"] = Value::Null;
    tools[1]["strict"] = Value::Null;
    tools
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn calls_are_items_and_streams_say_the_same() {
    let server = TestServer::with_context(2048, |_, _| ());
    // A model of random weights: only the grammar makes sense of it.
    for seed in 0..4 {
        let mut body = json!({"input": "Hello", "tools": tools(), "seed": seed,
            "tool_choice": {"type": "function", "name": "weather"}, "max_output_tokens": 200});
        let whole = server.post("/v1/responses", &body).json();
        assert_eq!(whole["status"], "completed", "{whole}");
        assert_eq!(whole["tools"], told_tools());
        assert_eq!(whole["tool_choice"], body["tool_choice"]);
        let [item] = whole["output"].as_array().unwrap().as_slice() else { panic!("{whole}") };
        assert_eq!((&item["type"], &item["name"]), (&json!("function_call"), &json!("weather")));
        assert!(item["call_id"].as_str().unwrap().starts_with("call_"));
        assert!(item["id"].as_str().unwrap().starts_with("fc_"));
        let arguments: Value = serde_json::from_str(item["arguments"].as_str().unwrap()).unwrap();
        assert!(["Rome", "Oslo"].contains(&arguments["city"].as_str().unwrap()));
        assert!(arguments["days"].is_number() && arguments.as_object().unwrap().len() == 2);

        body["stream"] = json!(true);
        let events = server.post("/v1/responses", &body).events();
        assert_eq!(
            names(&events),
            [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "response.output_item.done",
                "response.completed",
            ]
        );
        assert_eq!(
            (&events[2]["item"]["arguments"], &events[2]["output_index"]),
            (&json!(""), &json!(0))
        );
        for event in &events[3..5] {
            assert_eq!(event["item_id"], events[2]["item"]["id"]);
        }
        assert_eq!(events[3]["delta"], item["arguments"]);
        assert_eq!(events[4]["arguments"], item["arguments"]);
        assert_eq!(events[6]["response"]["output"], json!([events[5]["item"]]));
        assert_eq!(events[5]["item"]["arguments"], item["arguments"]);

        // What was called and what it gave can be told.
        let input = json!([{"role": "user", "content": "Weather?"}, item,
            {"type": "function_call_output", "call_id": item["call_id"], "output": "Rain"}]);
        let told = json!({"input": input, "tools": tools(), "max_output_tokens": 300, "seed": 1});
        let told = server.post("/v1/responses", &told).json();
        assert!(told["usage"]["input_tokens"].as_u64() > whole["usage"]["input_tokens"].as_u64());
    }
}

#[test]
fn with_tools_an_answer_may_be_a_text() {
    let server = TestServer::with_context(2048, |_, _| ());
    // Letters only, so that it is none of a call's signs.
    let letters = server.post("/tokenize", &json!({"prompt": "abcdefghij"})).json();
    let letters = letters["tokens"].as_array().unwrap().iter();
    let bias: serde_json::Map<_, _> = letters.map(|id| (id.to_string(), json!(100))).collect();
    let mut body = json!({"input": "Hello", "tools": tools(), "seed": 2, "max_output_tokens": 9,
        "logit_bias": bias, "include": ["message.output_text.logprobs"]});
    let whole = server.post("/v1/responses", &body).json();
    let part = &whole["output"][0]["content"][0];
    assert_eq!(part["text"].as_str().unwrap().len(), 9, "{whole}");
    body["stream"] = json!(true);
    let events = server.post("/v1/responses", &body).events();
    assert_eq!(names(&events)[2..4], ["response.output_item.added", "response.content_part.added"]);
    let deltas = || events.iter().filter(|e| e["type"] == "response.output_text.delta");
    let text: String = deltas().map(|event| event["delta"].as_str().unwrap()).collect();
    assert_eq!(json!(text), part["text"]);
    let logprobs: Vec<Value> =
        deltas().flat_map(|event| event["logprobs"].as_array().unwrap().clone()).collect();
    assert_eq!(json!(logprobs), part["logprobs"]);
    // And must be one where calls are not allowed.
    body["tool_choice"] = json!("none");
    body["stream"] = json!(false);
    let none = server.post("/v1/responses", &body).json();
    assert_eq!(none["output"][0]["type"], "message");
    assert!(none["usage"]["input_tokens"].as_u64() < whole["usage"]["input_tokens"].as_u64());
}
