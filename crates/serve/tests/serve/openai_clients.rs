//! The official OpenAI clients for Python and Node against a real server.
//!
//! Skipped, with a line that says so, where they are not installed: `python/bin/python` with the
//! package `openai`, and `node/node_modules/openai`, both under the folder `ULP_CLIENTS` (default
//! `target/clients` of the workspace; `.ci/run` puts them there).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::test_server::TestServer;

fn clients() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients");
    std::env::var_os("ULP_CLIENTS").map_or_else(default, PathBuf::from)
}

/// Runs a script with the address of a server as its first word, and of one that has a single place
/// and no queue as its second.
fn run(mut command: Command, script: &str, last: &[&Path]) {
    let server = TestServer::with_context(2048, |options, _| {
        options.api_keys = vec!["right".to_string()];
    });
    let busy = TestServer::with_context(20_000, |options, engine| {
        options.api_keys = vec!["right".to_string()];
        options.max_queue = 0;
        engine.max_running = 1;
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let base = |server: &TestServer| format!("http://{}/v1", server.address());
    let output = command
        .arg(script)
        .args([base(&server), base(&busy)])
        .args(last)
        .output()
        .expect("the script runs");
    let (out, err) = (&output.stdout, &output.stderr);
    let said = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert!(output.status.success(), "{said}");
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 7, "{said}");
    server.await_metric("vllm:num_requests_running", 0.0);
}

#[test]
fn the_python_client() {
    let python = clients().join("python/bin/python");
    let at_hand = Command::new(&python).args(["-c", "import openai"]).output();
    if !at_hand.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} has no package openai", python.display());
        return;
    }
    run(Command::new(python), "openai_python.py", &[]);
}

#[test]
fn the_node_client() {
    let modules = clients().join("node");
    let at_hand = modules.join("node_modules/openai").exists();
    if !at_hand || Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: no {}/node_modules/openai, or no node", modules.display());
        return;
    }
    run(Command::new("node"), "openai_node.mjs", &[&modules]);
}
