//! LoRA adapters: files as PEFT writes them, loaded under names that requests may ask for.

use crate::test_server::{TestServer, adapter};
use serde_json::{Value, json};

fn server() -> TestServer {
    TestServer::with_model(256, |_, served| {
        served.adapters = ["poet", "bard"]
            .into_iter()
            .zip(1..)
            .map(|(name, seed)| (name.to_string(), adapter(&served.model, seed)))
            .collect();
    })
}

fn ask(server: &TestServer, model: &str) -> Value {
    let body = json!({"model": model, "prompt": "Once upon a time", "max_tokens": 20,
        "temperature": 0, "ignore_eos": true, "logprobs": 0});
    server.post("/v1/completions", &body).json()
}

#[test]
fn adapters_are_listed_and_chosen_by_name() {
    let server = server();
    let listed = server.get("/v1/lora").json();
    let ids = |list: &Value| -> Vec<Value> {
        list["data"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect()
    };
    assert_eq!(ids(&listed), ["poet", "bard"]);
    assert_eq!(listed["data"][0]["parent"], "tiny");
    assert_eq!(ids(&server.get("/v1/models").json()), ["tiny", "alias/of-tiny", "poet", "bard"]);
    assert_eq!(server.get("/v1/models/bard").json()["id"], "bard");

    let names = ["tiny", "poet", "bard"];
    let alone = names.map(|name| ask(&server, name));
    for (answer, name) in alone.iter().zip(names) {
        assert_eq!(answer["model"], name);
    }
    let logprobs = alone.each_ref().map(|answer| answer["choices"][0]["logprobs"].clone());
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        assert_ne!(logprobs[i]["token_logprobs"], logprobs[j]["token_logprobs"]);
    }
    // The same in one batch, where each prompt's beginning is in the cache for its own adapter.
    let together: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..9)
            .map(|i| (scope, i))
            .map(|(s, i)| {
                s.spawn({
                    let server = &server;
                    move || ask(server, names[i % 3])
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (i, answer) in together.iter().enumerate() {
        assert_eq!(answer["choices"], alone[i % 3]["choices"], "{}", names[i % 3]);
    }
    let (status, param, ..) =
        server.post("/v1/completions", &json!({"model": "novelist", "prompt": "a"})).error();
    assert_eq!((status, param.as_str()), (404, "model"));
}

#[test]
fn a_router_sees_which_are_loaded() {
    let page = server().get("/metrics").text();
    let line = page.lines().find(|line| line.starts_with("vllm:lora_requests_info{")).unwrap();
    let (labels, value) = line.rsplit_once(' ').unwrap();
    let expected = r#"max_lora="2",running_lora_adapters="poet,bard",waiting_lora_adapters="""#;
    assert!(labels.contains(expected), "{line}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((now - value.parse::<f64>().unwrap()).abs() < 600.0, "{line}");
    let without = TestServer::start().get("/metrics").text();
    assert!(!without.contains("lora_requests_info"));
}
