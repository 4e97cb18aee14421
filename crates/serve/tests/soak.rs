//! Everything at once, for as long as is wanted: random arrivals, lengths, disconnects and malformed
//! requests. No answer is wrong, no request is lost, every error has its type, and at the end
//! nothing is held that was not held at the beginning.
//!
//! Two seconds of it always run; `ULP_SOAK_SECONDS=600 cargo test --release -p ulp-serve --test soak`
//! runs ten minutes.

mod test_server;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_server::TestServer;

const CLIENTS: usize = 8;
/// Different requests whose answers are known from being alone.
const KINDS: u64 = 24;
const JSON: (&str, &str) = ("content-type", "application/json");

/// Random numbers by a counter: SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }
}

/// A request of a kind; some share long beginnings.
fn request(kind: u64) -> Value {
    let beginning = "abcdefgh".repeat(1 + (kind % 3) as usize * 9);
    json!({
        "prompt": format!("{beginning}{kind}"),
        "max_tokens": 1 + kind * 7 % 60,
        "temperature": (kind % 3) as f64 * 0.6,
        "n": 1 + kind % 2,
        "seed": kind,
    })
}

fn texts(answer: &Value) -> Vec<String> {
    let choices = answer["choices"].as_array().unwrap();
    choices.iter().map(|choice| choice["text"].as_str().unwrap().to_string()).collect()
}

fn streamed(events: &[Value], n: usize) -> Vec<String> {
    let mut texts = vec![String::new(); n];
    for event in events {
        let choice = &event["choices"][0];
        texts[choice["index"].as_u64().unwrap() as usize]
            .push_str(choice["text"].as_str().unwrap());
    }
    texts
}

#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    left: AtomicU64,
    refused: AtomicU64,
    busy: AtomicU64,
}

/// One thing that a client may do.
fn act(server: &TestServer, dice: &mut Dice, known: &BTreeMap<u64, Vec<String>>, tally: &Tally) {
    let kind = dice.below(KINDS);
    let mut body = request(kind);
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    match dice.below(6) {
        0 | 1 => {
            let reply = server.post("/v1/completions", &body);
            if reply.status == 503 {
                assert_eq!(reply.error().2, "overloaded");
                count(&tally.busy);
                return;
            }
            assert_eq!(texts(&reply.json()), known[&kind], "kind {kind}");
            count(&tally.answered);
        }
        2 | 3 => {
            body["stream"] = json!(true);
            let reply = server.post("/v1/completions", &body);
            if reply.status == 503 {
                count(&tally.busy);
                return;
            }
            assert!(reply.text().ends_with("data: [DONE]\n\n"), "a stream broke off");
            assert_eq!(streamed(&reply.events(), known[&kind].len()), known[&kind], "kind {kind}");
            count(&tally.answered);
        }
        4 => {
            body["stream"] = json!(dice.below(2) == 0);
            body["max_tokens"] = json!(200);
            let mut connection = server.connect();
            let body = body.to_string();
            let sent = match dice.below(3) {
                // Half a request, too.
                0 => body.len() / 2,
                _ => body.len(),
            };
            let head = format!(
                "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n",
                body.len()
            );
            connection.write_raw(&[head.as_bytes(), &body.as_bytes()[..sent]].concat());
            std::thread::sleep(Duration::from_millis(dice.below(20)));
            count(&tally.left);
        }
        _ => {
            let wrong = [
                json!({"prompt": "a", "temperature": 9}),
                json!({"prompt": [999_999]}),
                json!({"prompt": "x".repeat(400)}),
                json!({"promt": "a"}),
                json!([1, 2, 3]),
            ];
            let body = wrong[dice.below(wrong.len() as u64) as usize].to_string();
            let reply = server.connect().send("POST", "/v1/completions", &[JSON], body.as_bytes());
            let (status, _, code, message) = reply.error();
            // What only the engine can tell needs a place in the queue.
            assert!(status == 400 || code == "overloaded", "{status} {code}: {message}");
            count(&tally.refused);
        }
    }
}

/// Bytes of this process in memory, where the system says so.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}

#[test]
fn everything_at_once() {
    let wanted = std::env::var("ULP_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let time = Duration::from_secs(wanted.unwrap_or(2));
    // A cache too small for all, so that sequences give way and are computed again.
    let server = TestServer::with(|options, engine| {
        engine.cache = 384;
        engine.max_running = 6;
        options.max_queue = 6;
    });
    let known: BTreeMap<u64, Vec<String>> = (0..KINDS)
        .map(|kind| (kind, texts(&server.post("/v1/completions", &request(kind)).json())))
        .collect();
    let (tally, warm) = (Tally::default(), AtomicUsize::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS as u64 {
            let (server, known, tally, warm) = (&server, &known, &tally, &warm);
            scope.spawn(move || {
                let mut dice = Dice(client << 32);
                while start.elapsed() < time {
                    act(server, &mut dice, known, tally);
                    if client == 0 && start.elapsed() > time / 4 {
                        let now = resident().unwrap_or(0) as usize;
                        let _ = warm.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    server.await_metric("vllm:num_requests_running", 0.0);
    server.await_metric("vllm:num_requests_waiting", 0.0);
    server.await_metric("vllm:kv_cache_usage_perc", 0.0);
    let (warm, now) = (warm.into_inner() as u64, resident().unwrap_or(0));
    let Tally { answered, left, refused, busy } = &tally;
    eprintln!(
        "{answered:?} answered, {left:?} left, {refused:?} malformed, {busy:?} sent away; \
         {} preemptions; {} MB after a quarter of the time, {} MB at the end",
        server.metric("vllm:num_preemptions_total"),
        warm >> 20,
        now >> 20
    );
    assert!(answered.load(Ordering::Relaxed) > 20);
    assert!(now < warm + (32 << 20), "memory grew from {warm} to {now} bytes");
    // And the answers are what they were.
    for (kind, texts_alone) in &known {
        assert_eq!(&texts(&server.post("/v1/completions", &request(*kind)).json()), texts_alone);
    }
}
