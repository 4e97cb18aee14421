//! One training step of a Llama, side by side with PyTorch's.
//!
//!     cargo bench -p ulp-benches --bench train_step [-- WORKLOAD [ROUNDS]]
//!
//! `b` is d 256, 6 layers, 8 heads, SwiGLU 688, vocabulary 4096, batch 8 of 256 tokens; `default` is
//! the shape of the embedded model: d 192, 5 layers, 6 heads on 2 kv heads, SwiGLU 512, vocabulary
//! 1280, batch 8 of 384 tokens. AdamW on both sides (PyTorch's fused one), f32, two threads.
//!
//! If `ULP_PEER_PYTHON` names a Python with torch, `peers/train_step.py` runs in a process of its
//! own and the two take turns, step by step: machines drift, ratios of neighbours hardly do.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use ulp_nn::{LlamaConfig, TokenDataset, Trainer, TrainingConfig};

const THREADS: usize = 2;
const WARM_UP: usize = 2;

struct Workload {
    name: &'static str,
    config: &'static str,
    batch: usize,
    length: usize,
}

const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "b",
        config: r#"{"model_type": "llama", "vocab_size": 4096, "hidden_size": 256,
            "intermediate_size": 688, "num_hidden_layers": 6, "num_attention_heads": 8,
            "num_key_value_heads": 8, "tie_word_embeddings": false}"#,
        batch: 8,
        length: 256,
    },
    Workload {
        name: "default",
        config: r#"{"model_type": "llama", "vocab_size": 1280, "hidden_size": 192,
            "intermediate_size": 512, "num_hidden_layers": 5, "num_attention_heads": 6,
            "num_key_value_heads": 2, "tie_word_embeddings": true}"#,
        batch: 8,
        length: 384,
    },
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
    let mut ours = Ours::new(workload)?;
    let mut peer = Peer::start(workload.name)?;
    let (mut own_times, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + rounds {
        let own = ours.step()?;
        let theirs = peer.as_mut().map(Peer::step).transpose()?;
        if round >= WARM_UP {
            own_times.push(own);
            ratios.extend(theirs.map(|theirs| theirs / own));
        }
    }
    let tokens = (workload.batch * workload.length) as f64;
    let own = median(&mut own_times);
    println!("{}: {:.0} ms a step, {:.0} tokens/s", workload.name, own * 1e3, tokens / own);
    match peer {
        Some(_) => println!("{}: {:.2} x PyTorch", workload.name, median(&mut ratios)),
        None => println!("{}: no peer (ULP_PEER_PYTHON is not set)", workload.name),
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Ours {
    trainer: Trainer,
    data: TokenDataset,
}

impl Ours {
    fn new(workload: &Workload) -> Result<Self, Box<dyn Error>> {
        let config = LlamaConfig::parse(workload.config.as_bytes(), workload.name)?;
        let vocabulary = config.vocab_size as u32;
        let training = TrainingConfig {
            batch_size: workload.batch,
            sequence_length: workload.length,
            ..TrainingConfig::default()
        };
        // Any ids do: a step costs the same whatever it learns.
        let tokens = (0..100_000_u32).map(|i| i.wrapping_mul(2_654_435_761) >> 8);
        let data = TokenDataset::from_tokens(tokens.map(|id| id % vocabulary).collect());
        Ok(Self { trainer: Trainer::new(config, training)?, data })
    }

    fn step(&mut self) -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        self.trainer.step(&self.data)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// The other engine: it waits for a line, does a step, and answers with its seconds.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(workload: &str) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(python) = std::env::var_os("ULP_PEER_PYTHON") else { return Ok(None) };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/train_step.py");
        let mut child = Command::new(python)
            .args([script, workload, &THREADS.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("the peer has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("the peer has no output")?);
        Ok(Some(Self { child, input, output }))
    }

    fn step(&mut self) -> Result<f64, Box<dyn Error>> {
        self.input.write_all(b"step\n")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
