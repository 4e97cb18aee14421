//! Answers: what they say, that streams say the same, and that it does not depend on the company.

use crate::test_server::TestServer;
use serde_json::{Value, json};

fn chat(extra: Value) -> Value {
    let mut body = json!({
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hello"}],
        "seed": 7,
        "max_tokens": 12,
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

/// The text of each answer of a streamed chat.
fn streamed(events: &[Value], n: usize) -> Vec<String> {
    let mut texts = vec![String::new(); n];
    for choice in events.iter().filter_map(|event| event["choices"].get(0)) {
        let text = choice["delta"]["content"].as_str().unwrap_or_default();
        texts[choice["index"].as_u64().unwrap() as usize].push_str(text);
    }
    texts
}

#[test]
fn a_chat_has_the_form_of_the_api() {
    let server = TestServer::start();
    let answer = server.post("/v1/chat/completions", &chat(json!({}))).json();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "tiny");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["finish_reason"], "length");
    assert!(choice["logprobs"].is_null());
    let usage = &answer["usage"];
    // "<user>Hello\n<assistant>", a token for each byte.
    assert_eq!(usage["prompt_tokens"], 23);
    assert_eq!(usage["completion_tokens"], 12);
    assert_eq!(usage["total_tokens"], 35);
    let again = server.post("/v1/chat/completions", &chat(json!({}))).json();
    assert_eq!(choice["message"], again["choices"][0]["message"]);
    assert_eq!(
        again["usage"]["prompt_tokens_details"]["cached_tokens"], 22,
        "the beginning is known"
    );
}

#[test]
fn a_stream_says_what_a_whole_answer_says() {
    let server = TestServer::start();
    let extra = json!({"n": 3, "logprobs": true, "top_logprobs": 2, "temperature": 1.5});
    let whole = server.post("/v1/chat/completions", &chat(extra.clone())).json();
    let mut body = chat(extra);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let reply = server.post("/v1/chat/completions", &body);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    let texts = streamed(&events, 3);
    let mut entries = vec![Vec::new(); 3];
    let mut ends = vec![Value::Null; 3];
    for choice in events.iter().filter_map(|event| event["choices"].get(0)) {
        let index = choice["index"].as_u64().unwrap() as usize;
        entries[index]
            .extend(choice["logprobs"]["content"].as_array().cloned().unwrap_or_default());
        if !choice["finish_reason"].is_null() {
            ends[index] = choice["finish_reason"].clone();
        }
    }
    for (i, choice) in whole["choices"].as_array().unwrap().iter().enumerate() {
        assert_eq!(choice["message"]["content"], json!(texts[i]));
        assert_eq!(choice["finish_reason"], ends[i]);
        assert_eq!(choice["logprobs"]["content"], json!(entries[i]));
        let bytes = |entry: &Value| entry["bytes"].as_array().unwrap().clone();
        let bytes: Vec<u8> =
            entries[i].iter().flat_map(bytes).map(|b| b.as_u64().unwrap() as u8).collect();
        assert_eq!(String::from_utf8_lossy(&bytes), texts[i]);
    }
    assert_ne!(texts[0], texts[1], "answers to one prompt are drawn apart");
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    let count =
        |usage: &Value| (usage["prompt_tokens"].clone(), usage["completion_tokens"].clone());
    assert_eq!(count(&last["usage"]), count(&whole["usage"]));
    assert!(events[0]["usage"].is_null());
}

#[test]
fn answers_do_not_depend_on_the_company() {
    let server = TestServer::with(|_, engine| engine.cache = 600);
    let ask = |seed: usize| {
        let extra = json!({"seed": seed, "temperature": 1.0, "max_tokens": 40 + seed,
            "messages": [{"role": "user", "content": "x".repeat(seed * 7 % 60)}]});
        server.post("/v1/chat/completions", &chat(extra)).json()["choices"].clone()
    };
    let alone: Vec<Value> = (0..12).map(ask).collect();
    let together: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12).map(|seed| scope.spawn(move || ask(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn a_stop_string_ends_an_answer_and_is_no_part_of_it() {
    let server = TestServer::start();
    // Letters only, so that each token is a character.
    let letters = server.post("/tokenize", &json!({"prompt": "abcdefghij"})).json();
    let letters = letters["tokens"].as_array().unwrap().iter();
    let bias: serde_json::Map<_, _> = letters.map(|id| (id.to_string(), json!(100))).collect();
    let ask = |extra: Value| {
        let mut body =
            json!({"prompt": "ab", "seed": 3, "max_tokens": 30, "logit_bias": bias.clone()});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.post("/v1/completions", &body).json()["choices"][0].clone()
    };
    let free = ask(json!({}));
    let text = free["text"].as_str().unwrap().to_string();
    let stop: String = text.chars().skip(2).take(2).collect();
    let stopped = ask(json!({"stop": [stop], "logprobs": 0}));
    let cut = text.split(&stop).next().unwrap();
    assert_eq!(stopped["text"], json!(cut));
    assert_eq!(stopped["finish_reason"], "stop");
    let tokens: String = stopped["logprobs"]["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    assert_eq!(tokens.chars().count(), cut.chars().count());
}

#[test]
fn completions_take_four_forms_of_prompt() {
    let server = TestServer::start();
    let ask = |prompt: Value| {
        let body = json!({"prompt": prompt, "temperature": 0, "max_tokens": 5, "echo": true});
        let answer = server.post("/v1/completions", &body).json();
        let choices = answer["choices"].as_array().unwrap();
        choices.iter().map(|c| c["text"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let ids =
        |text: &str| server.post("/tokenize", &json!({"prompt": text})).json()["tokens"].clone();
    let one = ask(json!("ab"));
    assert!(one[0].starts_with("ab") && one.len() == 1);
    assert_eq!(ask(ids("ab")), one);
    let two = ask(json!(["ab", "cd"]));
    assert_eq!((two.len(), &two[0]), (2, &one[0]));
    assert_eq!(ask(json!([ids("ab"), ids("cd")])), two);
    let text = server.post("/detokenize", &json!({"tokens": ids("né")})).json();
    assert_eq!(text["prompt"], "né");
}

#[test]
fn completions_stream_with_echo_and_places() {
    let server = TestServer::start();
    let body = json!({"prompt": ["ab", "cd"], "n": 2, "max_tokens": 6, "echo": true, "seed": 1});
    let whole = server.post("/v1/completions", &body).json();
    let mut body = body;
    body["stream"] = json!(true);
    let events = server.post("/v1/completions", &body).events();
    for choice in whole["choices"].as_array().unwrap() {
        let pieces =
            events.iter().map(|e| &e["choices"][0]).filter(|c| c["index"] == choice["index"]);
        let text: String = pieces.map(|c| c["text"].as_str().unwrap()).collect();
        assert_eq!(choice["text"], json!(text));
    }
    assert_eq!(whole["usage"]["prompt_tokens"], 4, "each prompt counts once");
    let body = json!({"prompt": "ab", "max_tokens": 4, "temperature": 0, "logprobs": 2});
    let logprobs = server.post("/v1/completions", &body).json()["choices"][0]["logprobs"].clone();
    assert_eq!(logprobs["text_offset"], json!([0, 1, 2, 3]));
    assert_eq!(logprobs["token_logprobs"].as_array().unwrap().len(), 4);
}

#[test]
fn a_text_is_scored_by_echo_without_an_answer() {
    let server = TestServer::start();
    let body = json!({"prompt": "abcd", "max_tokens": 0, "echo": true, "logprobs": 1});
    let answer = server.post("/v1/completions", &body).json();
    let choice = &answer["choices"][0];
    assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!("abcd"), &json!("length")));
    let logprobs = &choice["logprobs"];
    assert_eq!(logprobs["tokens"], json!(["a", "b", "c", "d"]));
    assert_eq!(logprobs["text_offset"], json!([0, 1, 2, 3]));
    let of = logprobs["token_logprobs"].as_array().unwrap();
    assert!(of[0].is_null() && of[1..].iter().all(|x| x.as_f64().unwrap() < 0.0));
    let body = json!({"prompt": "ab", "max_tokens": 2, "echo": true, "logprobs": 0, "seed": 4});
    let made = server.post("/v1/completions", &body).json()["choices"][0].clone();
    assert_eq!(made["logprobs"]["tokens"].as_array().unwrap().len(), 4);
    assert_eq!(made["logprobs"]["text_offset"], json!([0, 1, 2, 3]));
    assert_eq!(answer["usage"]["completion_tokens"], 0);
}

#[test]
fn models_and_probes() {
    let server = TestServer::start();
    let models = server.get("/v1/models").json();
    assert_eq!(models["data"][0]["id"], "tiny");
    assert_eq!(server.get("/v1/models/alias/of-tiny").json()["id"], "alias/of-tiny");
    assert_eq!(server.get("/v1/models/none").error().0, 404);
    assert_eq!(server.get("/health").json()["status"], "ok");
    assert_eq!(server.get("/ready").json()["status"], "ready");
    assert_eq!(server.metric("vllm:num_requests_running"), 0.0);
    assert!(server.get("/health").header("x-request-id").unwrap().starts_with("req-"));
}

#[test]
fn the_page_asks_nobody_else() {
    let server = TestServer::start();
    let page = server.get("/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let text = page.text();
    assert!(!text.contains("http://") && !text.contains("https://"), "an outside address");
    let parts = text.split('"').filter(|word| word.starts_with("page/"));
    for part in parts.chain(["page/server.js"]) {
        let part = server.get(&format!("/{part}"));
        assert_eq!(part.status, 200);
        assert!(!part.text().contains("//cdn") && !part.text().contains("https:"));
    }
    assert_eq!(server.get("/page/nothing.js").status, 404);
}

#[test]
fn the_engine_and_the_floats_of_the_page() {
    let server = TestServer::start();
    server.post("/v1/completions", &json!({"prompt": "a".repeat(150), "max_tokens": 1}));
    let view = server.get("/engine").json();
    assert_eq!(view["map"].as_str().unwrap().len(), view["blocks"].as_u64().unwrap() as usize);
    assert!(view["map"].as_str().unwrap().contains('k'), "the prompt is kept: {view}");
    assert_eq!(view["totals"]["prompt_tokens"], 150);
    // 18 thousand weights at a thousand million operations a second: 150 tokens take 5 ms at least.
    let least = view["least_seconds"].as_f64().unwrap();
    assert!((0.003..0.01).contains(&least), "{view}");
    assert!(view["busy_seconds"].as_f64().unwrap() > 0.0);

    let float = |body: Value| server.post("/float", &body);
    let tenth = float(json!({"number": "0.1", "format": "binary32"})).json();
    assert_eq!((&tenth["code"], &tenth["class"]), (&json!("0x3dcccccd"), &json!("normal")));
    assert_eq!(tenth["value"], "0.100000001490116119384765625");
    let own = float(json!({"code": "0x1f", "format": "4x3"})).json();
    assert_eq!(own["bits"], "00011111");
    assert!(!own["derivations"].as_array().unwrap().is_empty());
    for (body, param) in [
        (json!({"number": "0.1", "format": "nonsense"}), "format"),
        (json!({"number": "nonsense", "format": "4x3"}), "number"),
        (json!({"code": "0x100", "format": "4x3"}), "code"),
        (json!({"code": "", "format": "4x3"}), "code"),
        (json!({"format": "4x3"}), "number"),
        (json!({"number": "1".repeat(2000), "format": "4x3"}), "number"),
    ] {
        let (status, found, ..) = float(body.clone()).error();
        assert_eq!((status, found.as_str()), (400, param), "{body}");
    }
    assert!(float(json!({"number": "1e999999999", "format": "binary64"})).status < 500);
    assert_eq!(server.get("/float/formats").status, 200);
}

#[test]
fn a_trace_goes_on() {
    let server = TestServer::start();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let reply = server.connect().send("GET", "/health", &[("traceparent", parent)], b"");
    let ours = reply.header("traceparent").unwrap();
    assert!(ours.starts_with(&parent[..36]) && ours.ends_with("-01") && ours != parent);
}

fn tools() -> Value {
    json!([
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
            "properties": {"city": {"enum": ["Rome", "Oslo"]}, "days": {"type": "integer"}},
            "required": ["city", "days"], "additionalProperties": false}}},
        {"type": "function", "function": {"name": "time"}},
    ])
}

/// The one call of an answer: its function and arguments.
fn call(message: &Value) -> (String, Value) {
    let call = &message["tool_calls"][0];
    assert!(call["id"].as_str().unwrap().starts_with("call_") && call["type"] == "function");
    let arguments = call["function"]["arguments"].as_str().unwrap();
    let name = call["function"]["name"].as_str().unwrap();
    (name.to_string(), serde_json::from_str(arguments).unwrap())
}

#[test]
fn calls_of_tools_follow_their_schemas() {
    let server = TestServer::with_context(2048, |_, _| ());
    // A model of random weights: only the grammar makes sense of it.
    for seed in 0..4 {
        let named = json!({"type": "function", "function": {"name": "weather"}});
        let extra =
            json!({"tools": tools(), "tool_choice": named, "max_tokens": 200, "seed": seed});
        let mut body = chat(extra);
        let answer = server.post("/v1/chat/completions", &body).json();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
        assert!(choice["message"]["content"].is_null());
        let (name, arguments) = call(&choice["message"]);
        assert_eq!(name, "weather");
        assert!(["Rome", "Oslo"].contains(&arguments["city"].as_str().unwrap()));
        assert!(arguments["days"].is_number() && arguments.as_object().unwrap().len() == 2);

        body["stream"] = json!(true);
        let events = server.post("/v1/chat/completions", &body).events();
        let deltas: Vec<&Value> =
            events.iter().map(|event| &event["choices"][0]["delta"]).collect();
        let calls: Vec<&&Value> = deltas.iter().filter(|d| !d["tool_calls"].is_null()).collect();
        assert_eq!(calls.len(), 1);
        assert_eq!(
            (call(calls[0]), &calls[0]["tool_calls"][0]["index"]),
            ((name, arguments), &json!(0))
        );
        assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    }
    let required = json!({"tools": tools(), "tool_choice": "required", "max_tokens": 400});
    let answer = server.post("/v1/chat/completions", &chat(required)).json();
    let (name, _) = call(&answer["choices"][0]["message"]);
    assert!(["weather", "time"].contains(&name.as_str()));
    // What was called and what it gave can be told.
    let told = json!({"tools": tools(), "messages": [
        {"role": "user", "content": "Weather?"},
        answer["choices"][0]["message"],
        {"role": "tool", "tool_call_id": "x", "content": "Rain"},
    ]});
    let mut told = chat(told);
    told["messages"][1].as_object_mut().unwrap().remove("refusal");
    assert_eq!(server.post("/v1/chat/completions", &told).status, 200);
}

#[test]
fn answers_have_the_form_that_is_asked_for() {
    let server = TestServer::with_context(2048, |_, _| ());
    let schema = json!({"type": "object", "properties": {"a": {"type": "boolean"}},
        "required": ["a"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    for seed in 0..4 {
        let body = chat(json!({"response_format": format, "max_tokens": 100, "seed": seed}));
        let answer = server.post("/v1/chat/completions", &body).json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        assert!(value["a"].is_boolean() && value.as_object().unwrap().len() == 1, "{text}");
        let body = chat(json!({"response_format": {"type": "json_object"}, "max_tokens": 60,
            "seed": seed}));
        let answer = server.post("/v1/chat/completions", &body).json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(serde_json::from_str::<Value>(text).unwrap().is_object(), "{text}");
    }
    let body = chat(json!({"response_format": {"type": "regex", "regex": "[ab]{3}"}}));
    let answer = server.post("/v1/chat/completions", &body).json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap().to_string();
    assert!(text.len() == 3 && text.bytes().all(|b| b == b'a' || b == b'b'), "{text}");
    let format = json!({"type": "json_schema", "name": "x", "schema": schema});
    let body = json!({"input": "Hello", "text": {"format": format}, "max_output_tokens": 100});
    let answer = server.post("/v1/responses", &body).json();
    let text = answer["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap()["a"].is_boolean(), "{text}");
}
