//! A load generator for servers with `/v1/completions`: this one, llama-server, vLLM.
//!
//! ```console
//! $ cargo run --release -p ulp-serve --example load -- 127.0.0.1:8080 --clients 8 --seconds 30
//! $ cargo run --release -p ulp-serve --example load -- 127.0.0.1:8080 --rate 2 --seconds 30
//! ```
//!
//! Closed loop (`--clients`): each client asks again as soon as it is answered. Open loop (`--rate`):
//! requests come at random moments, so many a second, whatever the server does. Prompts are random
//! token ids, the same ones for the same `--seed`; `--shared` ids at the beginning are the same for
//! all. A line of JSON says what came of it; times are in milliseconds.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What was typed.
struct Load {
    address: String,
    clients: usize,
    /// Requests a second; 0 is a closed loop.
    rate: f64,
    time: Duration,
    prompt: usize,
    shared: usize,
    tokens: usize,
    vocabulary: u64,
    seed: u64,
}

/// What one request saw.
struct Seen {
    first: Duration,
    /// Between a token and the next.
    gaps: Vec<Duration>,
    tokens: u64,
}

fn main() {
    let load = Load::parse();
    let (seen, failed) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let number = AtomicU64::new(0);
    let start = Instant::now();
    let ask = || match load.ask(number.fetch_add(1, Ordering::Relaxed)) {
        Ok(one) => seen.lock().unwrap().push(one),
        Err(error) => {
            failed.fetch_add(1, Ordering::Relaxed);
            eprintln!("{error}");
        }
    };
    thread::scope(|scope| {
        if load.rate == 0.0 {
            for _ in 0..load.clients {
                scope.spawn(|| {
                    while start.elapsed() < load.time {
                        ask();
                    }
                });
            }
            return;
        }
        let (mut dice, mut at) = (load.seed, 0.0);
        while Duration::from_secs_f64(at) < load.time {
            thread::sleep(Duration::from_secs_f64(at).saturating_sub(start.elapsed()));
            scope.spawn(ask);
            // The time between arrivals of a Poisson process.
            let uniform = (random(&mut dice) >> 11) as f64 / (1u64 << 53) as f64;
            at -= (1.0 - uniform).ln() / load.rate;
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", report(&seen.into_inner().unwrap(), failed.into_inner(), seconds));
}

fn report(seen: &[Seen], failed: u64, seconds: f64) -> Value {
    let tokens: u64 = seen.iter().map(|one| one.tokens).sum();
    let first: Vec<Duration> = seen.iter().map(|one| one.first).collect();
    let gaps: Vec<Duration> = seen.iter().flat_map(|one| one.gaps.iter().copied()).collect();
    json!({
        "requests": seen.len(),
        "failed": failed,
        "seconds": round(seconds),
        "tokens": tokens,
        "tokens_per_second": round(tokens as f64 / seconds),
        "first_token_ms": quantiles(first),
        "between_tokens_ms": quantiles(gaps),
    })
}

fn quantiles(mut times: Vec<Duration>) -> Value {
    times.sort();
    let quantile = |q: f64| {
        let at = (q * (times.len().max(1) - 1) as f64).round() as usize;
        times.get(at).map(|time| round(time.as_secs_f64() * 1e3))
    };
    json!({"p50": quantile(0.5), "p90": quantile(0.9), "p99": quantile(0.99), "max": quantile(1.0)})
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Load {
    fn parse() -> Load {
        let mut words = std::env::args().skip(1);
        let mut load = Load {
            address: words.next().unwrap_or_else(|| usage("an address")),
            clients: 8,
            rate: 0.0,
            time: Duration::from_secs(20),
            prompt: 64,
            shared: 0,
            tokens: 64,
            vocabulary: 32000,
            seed: 1,
        };
        while let Some(flag) = words.next() {
            let word = words.next().unwrap_or_else(|| usage(&flag));
            let number: f64 = word.parse().unwrap_or_else(|_| usage(&flag));
            match flag.as_str() {
                "--clients" => load.clients = number as usize,
                "--rate" => load.rate = number,
                "--seconds" => load.time = Duration::from_secs_f64(number),
                "--prompt" => load.prompt = number as usize,
                "--shared" => load.shared = number as usize,
                "--tokens" => load.tokens = number as usize,
                "--vocabulary" => load.vocabulary = number as u64,
                "--seed" => load.seed = number as u64,
                _ => usage(&flag),
            }
        }
        load
    }

    /// The ids of request `number`.
    fn prompt(&self, number: u64) -> Vec<u64> {
        // The first ids of many vocabularies are special tokens.
        let draw = |state: &mut u64| 300 + random(state) % (self.vocabulary - 300);
        let mut shared = self.seed;
        let mut own = self.seed ^ ((number + 1) << 32);
        let ids = (0..self.prompt).map(|i| match i < self.shared {
            true => draw(&mut shared),
            false => draw(&mut own),
        });
        ids.collect()
    }

    fn ask(&self, number: u64) -> Result<Seen, String> {
        let body = json!({
            "prompt": self.prompt(number),
            "max_tokens": self.tokens,
            "temperature": 0.8,
            "seed": number,
            "ignore_eos": true,
            "stream": true,
            "stream_options": {"include_usage": true},
        })
        .to_string();
        let text = |error: std::io::Error| error.to_string();
        let start = Instant::now();
        let mut stream = TcpStream::connect(&self.address).map_err(text)?;
        let head = format!(
            "POST /v1/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).map_err(text)?;
        stream.write_all(body.as_bytes()).map_err(text)?;
        read(BufReader::new(stream), start)
    }
}

fn read(reader: impl BufRead, start: Instant) -> Result<Seen, String> {
    let mut seen = Seen { first: Duration::ZERO, gaps: Vec::new(), tokens: 0 };
    let (mut last, mut pieces) = (None, 0);
    for line in reader.lines() {
        let line = line.map_err(|error| error.to_string())?;
        if line.starts_with("HTTP/1.1 ") && !line.contains(" 200 ") {
            return Err(line);
        }
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else {
            continue;
        };
        let event: Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
        if !event["error"].is_null() {
            return Err(data.to_string());
        }
        let counts = [&event["usage"]["completion_tokens"], &event["timings"]["predicted_n"]];
        seen.tokens = counts.into_iter().find_map(Value::as_u64).unwrap_or(seen.tokens);
        if event["choices"][0]["text"].as_str().is_some_and(|text| !text.is_empty()) {
            let now = Instant::now();
            match last.replace(now) {
                None => seen.first = now - start,
                Some(before) => seen.gaps.push(now - before),
            }
            pieces += 1;
        }
    }
    if pieces == 0 {
        return Err("no text came".to_string());
    }
    seen.tokens = if seen.tokens == 0 { pieces } else { seen.tokens };
    Ok(seen)
}

fn usage(of: &str) -> ! {
    eprintln!(
        "load: {of}: load ADDRESS [--clients N | --rate PER_SECOND] [--seconds S] [--prompt TOKENS] \
         [--shared TOKENS] [--tokens N] [--vocabulary N] [--seed N]"
    );
    std::process::exit(2)
}
