//! The page in headless Chromium: chat by keyboard, the engine, floats, colours, and that no other
//! server is asked for anything. Skipped, with a line that says so, without `chromium` and `node`.

use std::path::Path;
use std::process::Command;

use crate::test_server::TestServer;

fn runs(command: &str) -> bool {
    Command::new(command).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn the_page_works() {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let Some(browser) = browsers.into_iter().find(|browser| runs(browser)) else {
        eprintln!("skipped: no chromium");
        return;
    };
    // Node has WebSocket since version 22; before that it is behind a switch.
    let node = ["--experimental-websocket", "-e", "new WebSocket('ws://127.0.0.1:1')"];
    if !Command::new("node").args(node).output().is_ok_and(|o| !o.stderr.starts_with(b"Reference"))
    {
        eprintln!("skipped: no node with WebSocket");
        return;
    }
    let server = TestServer::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/page.mjs");
    let output = Command::new("node")
        .arg("--experimental-websocket")
        .arg(script)
        .args([browser, &format!("http://{}", server.address())])
        .output()
        .expect("the script runs");
    let (out, err) = (&output.stdout, &output.stderr);
    let said = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 6, "{said}");
}
