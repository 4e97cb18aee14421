//! Clients that go away, clients that read slowly, full queues, keys, origins, and the end.

use std::time::{Duration, Instant};

use crate::test_server::TestServer;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A request that runs to the end of the context.
fn long(stream: bool) -> Value {
    json!({"prompt": "ab", "ignore_eos": true, "max_tokens": 100000, "stream": stream})
}

/// A model whose answers take seconds.
fn slow_server(change: impl FnOnce(&mut ulp_serve::ServeOptions)) -> TestServer {
    TestServer::with_context(20_000, |options, engine| {
        engine.max_running = 2;
        change(options);
    })
}

#[test]
fn who_goes_away_frees_the_place() {
    let server = slow_server(|_| ());
    for stream in [true, false] {
        let mut connection = server.connect();
        let body = long(stream).to_string();
        connection.write_request("POST", "/v1/completions", &[JSON], body.as_bytes());
        server.await_metric("vllm:num_requests_running", 1.0);
        drop(connection);
        server.await_metric("vllm:num_requests_running", 0.0);
    }
    // One that waits leaves the queue, too.
    let mut running: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for connection in &mut running {
        let body = long(true).to_string();
        connection.write_request("POST", "/v1/completions", &[JSON], body.as_bytes());
    }
    server.await_metric("vllm:num_requests_waiting", 1.0);
    running.pop();
    server.await_metric("vllm:num_requests_waiting", 0.0);
    drop(running);
    server.await_metric("vllm:num_requests_running", 0.0);
    server.await_metric("vllm:kv_cache_usage_perc", 0.0);
}

#[test]
fn a_full_queue_sends_away() {
    let server = slow_server(|options| options.max_queue = 1);
    let mut busy: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for connection in &mut busy {
        let body = long(true).to_string();
        connection.write_request("POST", "/v1/completions", &[JSON], body.as_bytes());
        assert_eq!(connection.read_head().status, 200);
    }
    let reply = server.post("/v1/completions", &long(true));
    assert_eq!(reply.error().2, "overloaded");
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    let two = json!({"prompt": "ab", "n": 2, "max_tokens": 1});
    assert_eq!(server.post("/v1/completions", &two).status, 503);
    assert_eq!(server.metric("ulp:requests_refused_total"), 2.0);
    busy.clear();
    server.await_metric("vllm:num_requests_running", 0.0);
    assert_eq!(server.post("/v1/completions", &two).status, 200);
}

#[test]
fn a_slow_reader_holds_up_nobody() {
    let server = slow_server(|_| ());
    let mut slow = server.connect();
    slow.write_request("POST", "/v1/completions", &[JSON], long(true).to_string().as_bytes());
    assert_eq!(slow.read_head().status, 200);
    // It reads no more; others are answered meanwhile.
    let start = Instant::now();
    for _ in 0..5 {
        let body = json!({"prompt": "ab", "max_tokens": 5});
        assert_eq!(server.post("/v1/completions", &body).status, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn who_does_not_read_at_all_is_hung_up_on() {
    let server = TestServer::with_context(20_000, |options, _| {
        options.client_timeout = Duration::from_millis(300);
    });
    let mut silent = server.connect();
    // Log-probabilities fill the socket's buffers soon.
    let body = json!({"prompt": "ab", "ignore_eos": true, "max_tokens": 100000, "stream": true,
        "logprobs": 20, "n": 8});
    silent.write_request("POST", "/v1/completions", &[JSON], body.to_string().as_bytes());
    server.await_metric("vllm:num_requests_running", 8.0);
    server.await_metric("vllm:num_requests_running", 0.0);
    assert!(server.get("/metrics").text().contains("finished_reason=\"abort\"} 8"));
}

#[test]
fn a_request_may_take_only_so_long() {
    let server = slow_server(|options| options.timeout = Duration::from_millis(200));
    let reply = server.post("/v1/completions", &long(false));
    assert_eq!((reply.status, reply.error().2.as_str()), (504, "request_timeout"));
    let reply = server.post("/v1/completions", &long(true));
    let events = reply.events();
    assert_eq!(events.last().unwrap()["error"]["code"], "request_timeout");
    assert!(!reply.text().contains("[DONE]"));
    server.await_metric("vllm:num_requests_running", 0.0);
}

#[test]
fn a_silent_stream_gets_pings() {
    let server = slow_server(|options| options.ping = Duration::from_millis(50));
    let mut busy: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for connection in &mut busy {
        let body = long(true).to_string();
        connection.write_request("POST", "/v1/completions", &[JSON], body.as_bytes());
        connection.read_head();
    }
    let mut waiting = server.connect();
    waiting.write_request("POST", "/v1/completions", &[JSON], long(true).to_string().as_bytes());
    assert_eq!(waiting.read_head().status, 200);
    assert_eq!(waiting.read_chunk().unwrap(), b": ping\n\n");
    assert_eq!(waiting.read_chunk().unwrap(), b": ping\n\n");
}

#[test]
fn a_client_that_sends_slowly_is_not_waited_for() {
    let server = TestServer::with(|options, _| options.client_timeout = Duration::from_millis(200));
    let mut connection = server.connect();
    connection.write_raw(b"POST /tokenize HTTP/1.1\r\nhost: x\r\n");
    assert!(connection.is_closed(), "half a head");
    let mut connection = server.connect();
    connection.write_raw(
        b"POST /tokenize HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
          content-length: 100\r\n\r\n{",
    );
    assert_eq!(connection.read_reply().error().2, "body_timeout");
}

#[test]
fn keys_are_asked_for_where_there_are_any() {
    let server = TestServer::with(|options, _| options.api_keys = vec!["one".into(), "two".into()]);
    let ask = |headers: &[(&str, &str)]| server.connect().send("GET", "/v1/models", headers, b"");
    let refused = ask(&[]);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(refused.error().2, "invalid_api_key");
    assert_eq!(ask(&[("authorization", "Bearer three")]).status, 401);
    assert_eq!(ask(&[("authorization", "Bearer two")]).status, 200);
    for open in ["/health", "/ready", "/metrics", "/openapi.json"] {
        assert_eq!(server.get(open).status, 200);
    }
}

#[test]
fn pages_of_other_origins_may_not_call_unless_named() {
    let origin = |origin: &'static str| [("origin", origin)];
    let server = TestServer::start();
    let reply = server.connect().send("GET", "/v1/models", &origin("https://a.example"), b"");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));

    let server =
        TestServer::with(|options, _| options.cors_origins = vec!["https://a.example".into()]);
    let reply = server.connect().send("GET", "/v1/models", &origin("https://a.example"), b"");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.example"));
    let reply = server.connect().send("GET", "/v1/models", &origin("https://b.example"), b"");
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let asks = [("origin", "https://a.example"), ("access-control-request-method", "POST")];
    let reply = server.connect().send("OPTIONS", "/v1/completions", &asks, b"");
    assert_eq!(
        (reply.status, reply.header("access-control-allow-methods")),
        (204, Some("GET, POST, DELETE"))
    );
}

#[test]
fn at_the_end_running_requests_finish() {
    let mut server = slow_server(|_| ());
    let mut running = server.connect();
    let body = json!({"prompt": "ab", "ignore_eos": true, "max_tokens": 400, "stream": true});
    running.write_request("POST", "/v1/completions", &[JSON], body.to_string().as_bytes());
    server.await_metric("vllm:num_requests_running", 1.0);
    let mut idle = server.connect();
    assert_eq!(idle.send("GET", "/ready", &[], b"").status, 200);
    server.ask_to_end();
    assert!(running.read_reply().text().ends_with("data: [DONE]\n\n"));
    assert!(running.is_closed() && idle.is_closed());
    server.join().unwrap();
}

#[test]
fn what_is_not_done_by_the_deadline_is_told_so() {
    let mut server = slow_server(|options| options.drain = Duration::from_millis(100));
    let mut running: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for (connection, stream) in running.iter_mut().zip([true, false]) {
        let body = long(stream).to_string();
        connection.write_request("POST", "/v1/completions", &[JSON], body.as_bytes());
    }
    server.await_metric("vllm:num_requests_running", 2.0);
    server.ask_to_end();
    let events = running[0].read_reply().events();
    assert_eq!(events.last().unwrap()["error"]["code"], "shutting_down");
    let reply = running[1].read_reply();
    assert_eq!((reply.status, reply.error().2.as_str()), (503, "shutting_down"));
    server.join().unwrap();
}
