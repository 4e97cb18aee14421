//! What the tape costs, alone: the overhead of small operations, and a backward pass beside its
//! forward pass.
//!
//!     cargo bench -p ulp-benches --bench tape

use std::error::Error;
use std::time::Instant;

use ndarray::{ArrayD, arr0, arr1};
use ulp_autograd::{Tape, Value, Var};
use ulp_benches::median;
use ulp_nn::{ArrayX, DecoderLayer, LlamaConfig, Mlp, Module, Rope};
use ulp_tensor::random;

const ROUNDS: usize = 21;

/// Additions and multiplications on one tape.
const OPERATIONS: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global()?;
    overhead("8 elements", arr1(&[0.5f32; 8]).into_dyn().into_shared());
    overhead("scalars", arr0(0.5f32).into_dyn().into_shared());
    passes("MLP 784-512-512-10, batch 128", mlp);
    passes("Llama block, d 256, 8 heads, SwiGLU 688, 8 x 256 tokens", llama_block);
    Ok(())
}

/// Nanoseconds of an operation, forward and backward, tape made and dropped.
fn overhead(name: &str, value: Value<f32>) {
    let once = || {
        let start = Instant::now();
        let tape = Tape::new();
        let (x, y) = (tape.leaf(value.clone()), tape.leaf(value.clone()));
        let last = (0..OPERATIONS / 2).fold(x, |z, _| z * y + x);
        drop(last.sum_all().backward());
        drop(tape);
        start.elapsed().as_secs_f64()
    };
    once();
    let total = median(&(0..ROUNDS).map(|_| once()).collect::<Vec<_>>());
    println!("{name}: {:.0} ns an operation", total / OPERATIONS as f64 * 1e9);
}

/// Builds a loss on a tape.
type Model = Box<dyn for<'t> Fn(&'t Tape<f32>) -> Var<'t, f32>>;

/// Milliseconds forward and backward, and how many times the one the other is.
fn passes(name: &str, model: fn() -> Model) {
    let model = model();
    let (mut forwards, mut backwards, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let tape = Tape::new();
        let start = Instant::now();
        let loss = model(&tape);
        let middle = Instant::now();
        let gradients = loss.backward();
        let end = Instant::now();
        drop((gradients, tape));
        let (forward, backward) = ((middle - start).as_secs_f64(), (end - middle).as_secs_f64());
        forwards.push(forward);
        backwards.push(backward);
        ratios.push(backward / forward);
    }
    let [forward, backward, ratio] = [forwards, backwards, ratios].map(|times| median(&times));
    println!("{name}: {:.2} ms, back {:.2} ms: {ratio:.2} x", forward * 1e3, backward * 1e3);
}

fn mlp() -> Model {
    let mlp = Mlp::<ArrayX<f32>>::new(&[784, 512, 512, 10], 42);
    let pictures: ArrayD<f32> = random::uniform(&[128, 784], 42, 0);
    let pictures = pictures.into_shared();
    let classes: Vec<u32> = (0..128).map(|i| i % 10).collect();
    Box::new(move |tape| {
        let logits = mlp.bind(tape).forward(tape.constant(pictures.clone()));
        logits.cross_entropy(&classes, None)
    })
}

fn llama_block() -> Model {
    let config = br#"{"model_type": "llama", "vocab_size": 4096, "hidden_size": 256,
        "intermediate_size": 688, "num_hidden_layers": 1, "num_attention_heads": 8}"#;
    let config = LlamaConfig::parse(config, "config.json").expect("a configuration");
    let block = DecoderLayer::spec(&config).initialize::<f32>(42);
    let rope = Rope::plain(32, 10_000.0);
    let x: ArrayD<f32> = random::normal(&[8, 256, 256], 42, 0);
    let x = x.into_shared();
    Box::new(move |tape| block.bind(tape).forward(tape.leaf(x.clone()), &rope).sum_all())
}
