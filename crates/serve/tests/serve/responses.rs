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
    let stored = json!({"input": "a", "previous_response_id": "resp_1"});
    assert_eq!(server.post("/v1/responses", &stored).error().1, "previous_response_id");
}

fn tools() -> Value {
    json!([
        {"type": "function", "name": "weather", "strict": true, "parameters": {"type": "object",
            "properties": {"city": {"enum": ["Rome", "Oslo"]}, "days": {"type": "integer"}},
            "required": ["city", "days"], "additionalProperties": false}},
        {"type": "function", "name": "time"},
    ])
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
        assert_eq!((&whole["tools"], &whole["tool_choice"]), (&tools(), &body["tool_choice"]));
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
