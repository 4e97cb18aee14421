//! Responses that are kept: conversations that go on from them, and what is told of them.

use crate::test_server::{Reply, TestServer};
use serde_json::{Value, json};

const PATH: &str = "/v1/responses";

/// A server with room for a conversation.
fn server() -> TestServer {
    TestServer::with_context(2048, |_, _| ())
}

fn id(response: &Value) -> &str {
    response["id"].as_str().unwrap()
}

fn place(response: &Value) -> String {
    format!("{PATH}/{}", id(response))
}

fn delete(server: &TestServer, path: &str) -> Reply {
    server.connect().send("DELETE", path, &[], b"")
}

/// Status, parameter and code.
#[track_caller]
fn refusal(reply: &Reply) -> (u16, String, String) {
    let (status, param, code, _) = reply.error();
    (status, param, code)
}

#[track_caller]
fn assert_unknown(reply: &Reply) {
    assert_eq!(refusal(reply), (404, String::new(), "response_not_found".to_string()));
}

#[track_caller]
fn assert_no_way_on(reply: &Reply) {
    let expected = (400, "previous_response_id".to_string(), "previous_response_not_found".into());
    assert_eq!(refusal(reply), expected);
}

/// Going on from a response is the same as sending all that was said, but for instructions, which
/// count for their own request.
#[test]
fn a_response_goes_on_from_another() {
    let server = server();
    let say = |text: &str| json!({"role": "user", "content": text});
    let ask = |more: Value| {
        let mut body = json!({"seed": 7, "max_output_tokens": 12});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post(PATH, &body).json()
    };
    let first = ask(json!({"input": "Hello", "instructions": "Be brief."}));
    assert_eq!((&first["store"], &first["previous_response_id"]), (&json!(true), &Value::Null));
    let second = ask(json!({"input": [say("Go"), say("on")], "previous_response_id": id(&first)}));
    assert_eq!(second["previous_response_id"], first["id"]);
    let said = json!([say("Hello"), first["output"][0], say("Go"), say("on")]);
    let whole = ask(json!({"input": said, "store": false}));
    let text = |response: &Value| response["output"][0]["content"][0]["text"].clone();
    assert_eq!(text(&second), text(&whole));
    assert_eq!(second["usage"]["input_tokens"], whole["usage"]["input_tokens"]);

    // One that was streamed is kept when its last event comes; two may go on from one.
    let body = json!({"input": "And?", "previous_response_id": id(&second), "stream": true,
        "max_output_tokens": 4});
    let events = server.post(PATH, &body).events();
    let third = &events.last().unwrap()["response"];
    assert_eq!(third["previous_response_id"], second["id"]);
    assert_eq!(server.get(&place(third)).json(), *third);
    let fourth = ask(json!({"input": "So?", "previous_response_id": id(third)}));
    let other = ask(json!({"input": "So?", "previous_response_id": id(&second)}));
    let tokens = |response: &Value| response["usage"]["input_tokens"].as_u64().unwrap();
    assert!(tokens(&fourth) > tokens(&other) && tokens(&other) > tokens(&second));
    // What was computed is used again.
    assert!(fourth["usage"]["input_tokens_details"]["cached_tokens"].as_u64() > Some(10));
}

#[test]
fn a_call_is_answered_where_it_was_made() {
    let server = server();
    let tools = json!([{"type": "function", "name": "weather", "parameters":
        {"type": "object", "properties": {}, "additionalProperties": false}}]);
    let asked = json!({"input": "Weather?", "tools": tools, "tool_choice": "required",
        "max_output_tokens": 200, "parallel_tool_calls": false, "seed": 1});
    let made = server.post(PATH, &asked).json();
    let call = &made["output"][0];
    assert_eq!(call["type"], "function_call", "{made}");
    let gave =
        json!({"type": "function_call_output", "call_id": call["call_id"], "output": "Rain"});
    let mut on = json!({"input": [gave], "previous_response_id": id(&made), "tools": tools,
        "tool_choice": "none", "max_output_tokens": 3, "seed": 1});
    let told = server.post(PATH, &on).json();
    on.as_object_mut().unwrap().remove("previous_response_id");
    on["input"] = json!([{"role": "user", "content": "Weather?"}, call, gave]);
    let whole = server.post(PATH, &on).json();
    assert_eq!(told["usage"]["input_tokens"], whole["usage"]["input_tokens"]);
    let items = server.get(&format!("{}/input_items?order=asc", place(&told))).json();
    let types: Vec<&Value> =
        items["data"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(types, ["message", "function_call", "function_call_output"]);
    assert_eq!(items["data"][1], *call);
}

#[test]
fn a_response_is_told_and_forgotten() {
    let server = server();
    let ask = |input: &str, previous: Option<&str>| {
        let body = json!({"input": input, "previous_response_id": previous, "metadata": {"a": "b"},
            "max_output_tokens": 2, "include": ["message.output_text.logprobs"]});
        server.post(PATH, &body)
    };
    let first = ask("Hello", None).json();
    let second = ask("Go on", Some(id(&first))).json();
    let reply = server.get(&place(&first));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json(), first);
    assert_eq!(server.get(&format!("{}?stream=false", place(&first))).json(), first);

    let gone = delete(&server, &place(&first)).json();
    assert_eq!(gone, json!({"id": first["id"], "object": "response", "deleted": true}));
    let items = format!("{}/input_items", place(&first));
    for reply in [server.get(&place(&first)), delete(&server, &place(&first)), server.get(&items)] {
        assert_unknown(&reply);
    }
    assert_no_way_on(&ask("a", Some(id(&first))));
    // The conversation that went on from it goes on.
    let third = ask("And?", Some(id(&second))).json();
    assert!(third["usage"]["input_tokens"].as_u64() > second["usage"]["input_tokens"].as_u64());
}

#[test]
fn items_come_in_pages() {
    let server = server();
    let input = json!([{"role": "system", "content": "S"}, {"role": "user", "id": "msg_mine",
        "content": [{"type": "input_text", "text": "He"}, {"type": "input_text", "text": "llo"}]}]);
    let first = server.post(PATH, &json!({"input": input, "max_output_tokens": 2})).json();
    let on = json!({"input": "Go on", "previous_response_id": id(&first), "max_output_tokens": 2});
    let second = server.post(PATH, &on).json();
    let path = format!("{}/input_items", place(&second));
    let all = server.get(&format!("{path}?order=asc&limit=100")).json();
    assert_eq!((&all["object"], &all["has_more"]), (&json!("list"), &json!(false)));
    let items = all["data"].as_array().unwrap();
    let roles: Vec<&Value> = items.iter().map(|item| &item["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(items[1]["content"], input[1]["content"]);
    assert_eq!((&items[1]["id"], &items[2]), (&json!("msg_mine"), &first["output"][0]));
    assert_eq!(items[3]["content"], json!([{"type": "input_text", "text": "Go on"}]));
    assert_eq!((&all["first_id"], &all["last_id"]), (&items[0]["id"], &items[3]["id"]));
    assert_eq!(server.get(&path).json()["data"], json!(items.iter().rev().collect::<Vec<_>>()));

    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.get(&format!("{path}?order=asc&limit=3{after}")).json();
        found.extend(page["data"].as_array().unwrap().clone());
        if page["has_more"] == false {
            break;
        }
        after = format!("&after={}", page["last_id"].as_str().unwrap());
    }
    assert_eq!(found, *items);
    let end = server.get(&format!("{path}?after={}", id(&items[0]))).json();
    assert_eq!((&end["data"], &end["first_id"]), (&json!([]), &Value::Null));

    for (query, param, code) in [
        ("limit=0", "limit", "invalid_value"),
        ("limit=101", "limit", "invalid_value"),
        ("limit=ten", "limit", "invalid_type"),
        ("order=up", "order", "invalid_value"),
        ("after=msg_0", "after", "invalid_value"),
        ("before=msg_0", "before", "unknown_parameter"),
        ("include%5B%5D=message.output_text.logprobs", "include[]", "unsupported_parameter"),
        ("limit=1&limit=2", "limit", "invalid_value"),
        ("after=%ff", "", "invalid_value"),
    ] {
        let found = refusal(&server.get(&format!("{path}?{query}")));
        assert_eq!(found, (400, param.to_string(), code.to_string()), "{query}");
    }
    for (query, param) in [("stream=true", "stream"), ("starting_after=3", "starting_after")] {
        let found = refusal(&server.get(&format!("{}?{query}", place(&second))));
        assert_eq!(found, (400, param.to_string(), "unsupported_parameter".into()), "{query}");
    }
}

#[test]
fn what_is_not_to_be_kept_is_not() {
    let server = server();
    let body = json!({"input": "Hello", "store": false, "max_output_tokens": 2});
    let response = server.post(PATH, &body).json();
    assert_eq!(response["store"], false);
    assert_unknown(&server.get(&place(&response)));
    let on = json!({"input": "a", "previous_response_id": id(&response)});
    assert_no_way_on(&server.post(PATH, &on));
    // Nor is what nobody waits for.
    let mut connection = server.connect();
    let body = json!({"input": "Hello", "stream": true, "ignore_eos": true}).to_string();
    let headers = [("content-type", "application/json")];
    connection.write_request("POST", PATH, &headers, body.as_bytes());
    connection.read_head();
    drop(connection);
    server.await_metric("vllm:num_requests_running", 0.0);
    assert_eq!(server.metric("ulp:responses_stored"), 0.0);
    assert_eq!(server.metric("ulp:responses_stored_bytes"), 0.0);

    let closed = TestServer::with(|options, _| options.max_stored = 0);
    let silent = closed.post(PATH, &json!({"input": "a", "max_output_tokens": 1})).json();
    assert_eq!(silent["store"], false);
    let asked = json!({"input": "a", "max_output_tokens": 1, "store": true});
    let expected = (400, "store".to_string(), "invalid_value".to_string());
    assert_eq!(refusal(&closed.post(PATH, &asked)), expected);
}

/// Of another key's responses nothing is told, not even that they are there.
#[test]
fn a_response_is_its_keys_alone() {
    let server = TestServer::with_context(2048, |options, _| {
        options.api_keys = vec!["mine".to_string(), "theirs".to_string()];
    });
    let send = |key: &str, method: &str, path: &str, body: Value| {
        let key = format!("Bearer {key}");
        let headers = [("content-type", "application/json"), ("authorization", key.as_str())];
        server.connect().send(method, path, &headers, body.to_string().as_bytes())
    };
    let made = json!({"input": "Hello", "max_output_tokens": 2});
    let response = send("mine", "POST", PATH, made).json();
    let on = json!({"input": "a", "previous_response_id": response["id"], "max_output_tokens": 1});
    let (path, items) = (place(&response), format!("{}/input_items", place(&response)));
    for (key, status) in [("theirs", 404), ("wrong", 401)] {
        for (method, path) in [("GET", &path), ("GET", &items), ("DELETE", &path)] {
            let reply = send(key, method, path, json!({}));
            assert_eq!(reply.status, status, "{key} {method} {path}");
        }
    }
    let theirs = send("theirs", "POST", PATH, on.clone());
    assert_no_way_on(&theirs);
    // The same words as for one that there never was.
    let mut never = on.clone();
    never["previous_response_id"] = json!("resp_0");
    let unknown = send("theirs", "POST", PATH, never).text();
    assert_eq!(theirs.text().replace(id(&response), "resp_0"), unknown);
    assert_eq!(send("mine", "POST", PATH, on).status, 200);
    assert_eq!(send("mine", "GET", &items, json!({})).status, 200);
    assert_eq!(send("mine", "DELETE", &path, json!({})).status, 200);
}

#[test]
fn ids_may_be_anything() {
    let server = server();
    let long = "x".repeat(3000);
    for id in ["%00", "%2e%2e", "resp_%20", "%F0%9F%A6%99", "a%2Fb", "%22%3e", "*", &long] {
        assert_unknown(&server.get(&format!("{PATH}/{id}")));
        assert_unknown(&server.get(&format!("{PATH}/{id}/input_items")));
        assert_unknown(&delete(&server, &format!("{PATH}/{id}")));
    }
    for path in ["%ff", "%ff/input_items"] {
        let reply = server.get(&format!("{PATH}/{path}"));
        assert_eq!(refusal(&reply), (400, String::new(), "invalid_url".to_string()));
    }
    for id in ["\u{0}", "..", "né\u{1F999}", &"y".repeat(1 << 20)] {
        let reply = server.post(PATH, &json!({"input": "a", "previous_response_id": id}));
        assert_no_way_on(&reply);
        assert!(reply.body.len() < 1000, "an error is short");
    }
}

#[test]
fn the_oldest_make_room() {
    let server = TestServer::with_context(2048, |options, _| {
        options.max_stored = 3;
        options.max_stored_bytes = 10_000;
    });
    let ask = |text: String, previous: Option<&str>| {
        let body = json!({"input": text, "previous_response_id": previous, "max_output_tokens": 1});
        server.post(PATH, &body).json()
    };
    let made: Vec<Value> = (0..5).map(|i| ask(format!("Hello {i}"), None)).collect();
    assert_eq!(server.metric("ulp:responses_stored"), 3.0);
    let kept: Vec<bool> = made.iter().map(|made| server.get(&place(made)).status == 200).collect();
    assert_eq!(kept, [false, false, true, true, true]);
    // By bytes: of a long conversation and of single long ones.
    let (mut last, mut fewest) = (made[4].clone(), 3.0);
    for i in 0..12 {
        let text = "x".repeat(40 * i);
        let response = ask(text, Some(id(&last)).filter(|_| i % 4 != 0));
        let bytes = server.metric("ulp:responses_stored_bytes");
        assert!(bytes > 1000.0 && bytes <= 10_000.0, "{i}: {bytes}");
        assert_eq!(response["store"], true, "{i}");
        fewest = server.metric("ulp:responses_stored").min(fewest);
        last = response;
    }
    assert!((1.0..3.0).contains(&fewest), "some went for their bytes, {fewest} were left");
    // One that is too large for any room says so, and the others stay.
    let before = server.metric("ulp:responses_stored_bytes");
    let metadata = json!({"a": "y".repeat(20_000)});
    let body = json!({"input": "a", "metadata": metadata, "max_output_tokens": 1});
    let large = server.post(PATH, &body).json();
    assert_eq!(large["store"], false);
    assert_unknown(&server.get(&place(&large)));
    assert_eq!(server.metric("ulp:responses_stored_bytes"), before);
}
