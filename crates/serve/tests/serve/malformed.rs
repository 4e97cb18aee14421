//! Requests that are wrong, and the status, parameter and message that each gets.
//!
//! The table is `malformed.txt`: a line `METHOD PATH BODY`, then a line with what comes back.

use crate::test_server::{Reply, TestServer};
use serde_json::Value;

/// The table: requests and what they get, as `STATUS CODE PARAM | MESSAGE`.
const TABLE: &str = include_str!("../malformed.txt");

fn shown(reply: &Reply) -> String {
    let (status, param, code, message) = reply.error();
    let param = if param.is_empty() { "-" } else { &param };
    format!("{status} {code} {param} | {message}")
}

#[test]
fn each_malformed_request_gets_its_answer() {
    let server = TestServer::with(|options, _| {
        options.max_n = 8;
        options.max_prompt = 200;
        options.max_body = 5000;
    });
    let lines: Vec<&str> =
        TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut wrong = Vec::new();
    for pair in lines.chunks_exact(2) {
        let mut words = pair[0].splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let body = words.next().unwrap_or_default().replace("LONG", &"x".repeat(300));
        let headers = [("content-type", "application/json")];
        let found = shown(&server.connect().send(method, path, &headers, body.as_bytes()));
        if found != pair[1] {
            wrong.push(format!("{}\n  expected {}\n  found    {found}", pair[0], pair[1]));
        }
    }
    assert!(lines.len() >= 2 * 60, "{} requests", lines.len() / 2);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    // None of it has left anything behind.
    assert_eq!(server.metric("vllm:num_requests_running"), 0.0);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn what_is_no_json_in_its_head_or_bytes() {
    let server = TestServer::with(|options, _| options.max_body = 5000);
    let path = "/v1/completions";
    let body = br#"{"prompt": "a"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let reply = server.connect().send("POST", path, &[("content-type", kind)], body);
        assert_eq!((reply.status, reply.error().2.as_str()), (415, "unsupported_media_type"));
    }
    let kind = [("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(server.connect().send("POST", path, &kind, body).status, 200);
    for (encoding, status) in [("gzip", 415), ("gzip, identity", 415), ("Identity", 200)] {
        let head = [("content-type", "application/json"), ("content-encoding", encoding)];
        let reply = server.connect().send("POST", path, &head, body);
        assert_eq!(reply.status, status, "{encoding}");
        if status == 415 {
            assert_eq!(reply.error().2, "unsupported_encoding");
        }
    }
    let reply = server.post_bytes(path, b"{\"prompt\": \"\xff\"}");
    assert_eq!((reply.status, reply.error().2.as_str()), (400, "invalid_json"));
    let long = format!("{{\"prompt\": \"{}\"}}", "x".repeat(5000));
    let reply = server.post_bytes(path, long.as_bytes());
    assert_eq!((reply.status, reply.error().2.as_str()), (413, "body_too_large"));
    // The same in chunks, whose sum nobody announces.
    let mut connection = server.connect();
    let chunk = "x".repeat(4096);
    connection.write_raw(
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n1000\r\n{chunk}\r\n1000\r\n{chunk}\r\n0\r\n\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(connection.read_reply().error().2, "body_too_large");
}

#[test]
fn what_is_no_http() {
    let server = TestServer::start();
    for (bytes, status) in [
        (&b"nonsense\r\n\r\n"[..], Some(400)),
        (b"GET /health HTTP/9.9\r\n\r\n", Some(400)),
        (b"POST /tokenize HTTP/1.1\r\ncontent-length: x\r\n\r\n", Some(400)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", None),
    ] {
        let mut connection = server.connect();
        connection.write_raw(bytes);
        match status {
            Some(status) => assert_eq!(connection.read_head().status, status),
            None => drop(connection),
        }
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_wrong_way_says_the_right_ones() {
    let server = TestServer::start();
    let reply = server.get("/v1/completions");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    assert_eq!(reply.error().2, "method_not_allowed");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let body: Value = serde_json::from_slice(&server.get("/nowhere").body).unwrap();
    assert_eq!(body["error"]["type"], "not_found_error");
}
