//! Training steps, side by side with PyTorch's.
//!
//!     cargo bench -p ulp-benches --bench train_step [-- WORKLOAD [ROUNDS]]
//!
//! | workload | what | optimizer |
//! |---|---|---|
//! | `a` | MLP 784-512-512-10, ReLU, cross-entropy, batch 128 | Adam |
//! | `b` | Llama, d 256, 6 layers, 8 heads, SwiGLU 688, vocabulary 4096, batch 8 of 256 tokens | AdamW, clipping |
//! | `b-bf16` | the same, products of linear layers with bf16 operands, PyTorch's under autocast | AdamW, clipping |
//! | `c` | two convolutions 3 by 3, 1-32-64, ReLU, max-pooling, two linear layers, batch 64 of 28 by 28 | Adam |
//! | `adamw` | the update alone, of 25 matrices of 1000 by 1000 | AdamW |
//! | `default` | the embedded model: d 192, 5 layers, 6 heads on 2, SwiGLU 512, vocabulary 1280, batch 8 of 384 | AdamW, clipping |
//!
//! f32 but for `b-bf16`, two threads, ours inside the pool ([`in_pool`]), PyTorch's fused optimizers. If
//! `ULP_PEER_PYTHON` names a Python with torch, `peers/train_step.py` runs in a process of its own and the two take
//! turns: machines drift, ratios of neighbours hardly do. The memory is the most that each process has held, the peer's with Python's
//! 200 MB; ours is that of all workloads so far, so name one to learn its own.

mod workloads;

use std::error::Error;
use std::time::Instant;

use ulp_benches::{Peer, median};
use ulp_tensor::in_pool;
use workloads::{Failure, Step, adamw, convnet, llama_b, llama_b_bf16, llama_default, mlp};

const THREADS: usize = 2;
const WARM_UP: usize = 2;

struct Workload {
    name: &'static str,
    /// Steps that are timed as one.
    steps: usize,
    /// What one step is counted in, and how many of them it has.
    unit: &'static str,
    units: usize,
    step: fn() -> Result<Step, Failure>,
}

const WORKLOADS: [Workload; 6] = [
    Workload { name: "a", steps: 50, unit: "steps", units: 1, step: mlp },
    Workload { name: "b", steps: 1, unit: "tokens", units: 8 * 256, step: llama_b },
    Workload { name: "b-bf16", steps: 1, unit: "tokens", units: 8 * 256, step: llama_b_bf16 },
    Workload { name: "c", steps: 4, unit: "images", units: 64, step: convnet },
    Workload { name: "adamw", steps: 5, unit: "parameters", units: 25_000_000, step: adamw },
    Workload { name: "default", steps: 1, unit: "tokens", units: 8 * 384, step: llama_default },
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo passes `--bench`; what a person typed comes after it.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let rounds = words.get(1).map_or(Ok(10), |word| word.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global()?;
    for workload in &WORKLOADS {
        if words.first().is_none_or(|name| name == workload.name) {
            compare(workload, rounds)?;
        }
    }
    Ok(())
}

fn compare(workload: &Workload, rounds: usize) -> Result<(), Box<dyn Error>> {
    let Workload { name, steps, unit, units, step } = *workload;
    let mut step = step().map_err(alone)?;
    let (workload, precision) = name.split_once('-').unwrap_or((name, "f32"));
    let words = [workload, &THREADS.to_string(), &steps.to_string(), precision];
    let mut peer = Peer::of_environment("train_step.py", &words)?;
    let (mut own_times, mut their_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut their_memory = 0.0;
    for round in 0..WARM_UP + rounds {
        let start = Instant::now();
        in_pool(|| (0..steps).try_for_each(|_| step())).map_err(alone)?;
        let own = start.elapsed().as_secs_f64() / steps as f64;
        let theirs = peer.as_mut().map(peer_step).transpose()?;
        if round >= WARM_UP {
            own_times.push(own);
        }
        if let Some((seconds, megabytes)) = theirs.filter(|_| round >= WARM_UP) {
            ratios.push(seconds / own);
            their_times.push(seconds);
            their_memory = megabytes;
        }
    }
    let line = |who: &str, seconds: f64, megabytes: f64| {
        let rate = units as f64 / seconds;
        println!(
            "{name}: {who} {:.2} ms a step, {rate:.0} {unit}/s, {megabytes:.0} MB",
            seconds * 1e3
        );
    };
    line("ulp", median(&own_times), peak_megabytes()?);
    match peer {
        Some(_) => {
            line("PyTorch", median(&their_times), their_memory);
            println!("{name}: {:.2} x PyTorch", median(&ratios));
        }
        None => println!("{name}: no peer (ULP_PEER_PYTHON is not set)"),
    }
    Ok(())
}

/// An error that stays on this thread.
fn alone(failure: Failure) -> Box<dyn Error> {
    failure
}

/// Seconds of a step of the other engine; MB that its process has held at most.
fn peer_step(peer: &mut Peer) -> Result<(f64, f64), Box<dyn Error>> {
    let answer = peer.ask("step")?;
    let (seconds, megabytes) = answer.split_once(' ').ok_or("no seconds and megabytes")?;
    Ok((seconds.parse()?, megabytes.parse()?))
}

/// MB that this process has held at most (Linux).
fn peak_megabytes() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0 / 1e6)
}
