//! Training steps, side by side with PyTorch's.
//!
//!     cargo bench -p ulp-benches --bench train_step [-- WORKLOAD [ROUNDS]]
//!
//! | workload | what | optimizer |
//! |---|---|---|
//! | `a` | MLP 784-512-512-10, ReLU, cross-entropy, batch 128 | Adam |
//! | `b` | Llama, d 256, 6 layers, 8 heads, SwiGLU 688, vocabulary 4096, batch 8 of 256 tokens | AdamW, clipping |
//! | `adamw` | the update alone, of 25 matrices of 1000 by 1000 | AdamW |
//! | `default` | the embedded model: d 192, 5 layers, 6 heads on 2, SwiGLU 512, vocabulary 1280, batch 8 of 384 | AdamW, clipping |
//!
//! f32, two threads, PyTorch's fused optimizers. If `ULP_PEER_PYTHON` names a Python with torch,
//! `peers/train_step.py` runs in a process of its own and the two take turns: machines drift, ratios
//! of neighbours hardly do.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use ndarray::{Array1, ArrayD};
use ulp_autograd::Tape;
use ulp_nn::{
    ArrayX, LlamaConfig, Mlp, Module, TokenDataset, Trainer, TrainingConfig, cross_entropy,
};
use ulp_optim::{Adam, AdamW, Optimizer, Param};
use ulp_tensor::pool;

const THREADS: usize = 2;
const WARM_UP: usize = 2;

type Step = Box<dyn FnMut() -> Result<(), Box<dyn Error>>>;

struct Workload {
    name: &'static str,
    /// Steps that are timed as one.
    steps: usize,
    /// What one step is counted in, and how many of them it has.
    unit: &'static str,
    units: usize,
    step: fn() -> Result<Step, Box<dyn Error>>,
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "a", steps: 50, unit: "steps", units: 1, step: mlp },
    Workload { name: "b", steps: 1, unit: "tokens", units: 8 * 256, step: llama_b },
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
    let mut step = step()?;
    let mut peer = Peer::start(name, steps)?;
    let (mut own_times, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + rounds {
        let start = Instant::now();
        (0..steps).try_for_each(|_| step())?;
        let own = start.elapsed().as_secs_f64() / steps as f64;
        let theirs = peer.as_mut().map(Peer::seconds).transpose()?;
        if round >= WARM_UP {
            own_times.push(own);
            ratios.extend(theirs.map(|theirs| theirs / own));
        }
    }
    let own = median(&mut own_times);
    println!("{name}: {:.2} ms a step, {:.0} {unit}/s", own * 1e3, units as f64 / own);
    match peer {
        Some(_) => println!("{name}: {:.2} x PyTorch", median(&mut ratios)),
        None => println!("{name}: no peer (ULP_PEER_PYTHON is not set)"),
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn mlp() -> Result<Step, Box<dyn Error>> {
    const BATCH: usize = 128;
    let mut model = Mlp::<ArrayX<f32>>::new(&[784, 512, 512, 10], 42);
    let mut optimizer = Optimizer::new(Adam::default())?;
    let pictures = ArrayD::from_shape_fn(vec![BATCH, 784], |at| (at[0] * at[1] % 17) as f32 / 17.0);
    let pictures = pictures.into_shared();
    let classes = Array1::from_iter((0..BATCH as u32).map(|i| i % 10)).into_dyn();
    Ok(Box::new(move || {
        let tape = Tape::new();
        let bound = model.bind(&tape);
        let logits = bound.forward(tape.constant(pictures.clone()));
        let mut gradients = cross_entropy(logits, classes.view(), None).backward();
        let mut taken = Vec::new();
        bound.visit(|_, p| taken.push(gradients.take(*p)));
        drop(tape);
        let mut named = model.named_parameters_mut();
        let mut params: Vec<_> = named
            .iter_mut()
            .zip(&taken)
            .map(|((name, p), gradient)| Param {
                name,
                gradient: gradient.as_ref().map(|g| g.view()),
                value: p.view_mut(),
                group: 0,
            })
            .collect();
        optimizer.step(&mut params)?;
        taken.into_iter().flatten().for_each(pool::recycle);
        Ok(())
    }))
}

fn adamw() -> Result<Step, Box<dyn Error>> {
    let names: Vec<String> = (0..25).map(|i| format!("w{i}")).collect();
    let mut values = vec![ArrayD::<f32>::from_elem(vec![1000, 1000], 0.5); names.len()];
    let gradients = vec![ArrayD::<f32>::from_elem(vec![1000, 1000], 0.25); names.len()];
    let mut optimizer = Optimizer::new(AdamW::default())?;
    Ok(Box::new(move || {
        let pairs = names.iter().zip(&mut values).zip(&gradients);
        let mut params: Vec<_> = pairs
            .map(|((name, value), gradient)| Param {
                name,
                value: value.view_mut(),
                gradient: Some(gradient.view()),
                group: 0,
            })
            .collect();
        Ok(optimizer.step(&mut params)?)
    }))
}

fn llama_b() -> Result<Step, Box<dyn Error>> {
    let config = r#"{"model_type": "llama", "vocab_size": 4096, "hidden_size": 256,
        "intermediate_size": 688, "num_hidden_layers": 6, "num_attention_heads": 8,
        "num_key_value_heads": 8, "tie_word_embeddings": false}"#;
    llama(config, 8, 256)
}

fn llama_default() -> Result<Step, Box<dyn Error>> {
    let config = r#"{"model_type": "llama", "vocab_size": 1280, "hidden_size": 192,
        "intermediate_size": 512, "num_hidden_layers": 5, "num_attention_heads": 6,
        "num_key_value_heads": 2, "tie_word_embeddings": true}"#;
    llama(config, 8, 384)
}

fn llama(config: &str, batch_size: usize, sequence_length: usize) -> Result<Step, Box<dyn Error>> {
    let config = LlamaConfig::parse(config.as_bytes(), "config.json")?;
    let vocabulary = config.vocab_size as u32;
    // Any ids do: a step costs the same whatever it learns.
    let tokens = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) % vocabulary);
    let data = TokenDataset::from_tokens(tokens.collect());
    let training = TrainingConfig { batch_size, sequence_length, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(config, training)?;
    Ok(Box::new(move || Ok(trainer.step(&data).map(drop)?)))
}

/// The other engine: it waits for a line, does its steps, and answers with the seconds of one.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(workload: &str, steps: usize) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(python) = std::env::var_os("ULP_PEER_PYTHON") else { return Ok(None) };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/train_step.py");
        let mut child = Command::new(python)
            .args([script, workload, &THREADS.to_string(), &steps.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("the peer has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("the peer has no output")?);
        Ok(Some(Self { child, input, output }))
    }

    fn seconds(&mut self) -> Result<f64, Box<dyn Error>> {
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
