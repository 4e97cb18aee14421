//! `ulp serve`: starts, answers, ends.
#![cfg(unix)]

use crate::support::{run, ulp};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A server that runs; killed if the test fails.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(words: &[&str]) -> Running {
        let mut child = ulp()
            .args(["serve", "--port", "0"])
            .args(words)
            .env_remove("ULP_API_KEY")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").expect("an address").1.to_string();
        Running { child, address }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends SIGTERM; gives the exit code and what was logged.
    fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_embedded_model_is_served_until_sigterm() {
    let server = Running::start(&["--log", "json"]);
    let body = r#"{"model": "ulp", "prompt": "Once there was", "temperature": 0, "max_tokens": 4}"#;
    let answer = server.ask(&format!(
        "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let json: serde_json::Value =
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let words = ["generate", "-p", "Once there was", "-n", "4", "--temp", "0"];
    let generated = run(words).good();
    assert_eq!(json["choices"][0]["text"].as_str().unwrap().trim_end(), generated.trim_end());
    let (code, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("answered")).expect("a line for the request");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["status"], &line["span"]["path"]), (&200.into(), &"/v1/completions".into()));
}

#[test]
fn an_address_that_cannot_be_had_is_named() {
    let message = run(["serve", "--host", "256.0.0.1"]).bad(1);
    assert!(message.starts_with("ulp: 256.0.0.1:8080: "), "{message}");
    let message = run(["serve", "--max-n", "0"]).bad(2);
    assert!(message.contains("max_n: expected 1 or more"), "{message}");
}
