//! GGUF files cut short, with flipped bits, and with claims that nothing backs: an error that names
//! the file, or a model that runs. Never a panic, never memory for what is merely claimed.
//!
//! One test in a binary of its own, since it counts all memory that the process asks for.

mod small_gguf;
mod test_models;

use std::alloc::System;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use test_models::{Scratch, tiny_config};
use ulp_infer::{
    Activations, Bytes, Gguf, InferError, Input, KvCache, LogitRows, Model, TensorType, Tokenizer,
    Workspace, export_gguf, train_byte_bpe,
};
use ulp_nn::{ArrayX, Llama};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FILE: &str = "hostile.gguf";

/// A small model with the metadata of exported ones, F32 and Q8_0 tensors.
fn exported() -> Vec<u8> {
    let folder = Scratch::new("hostile");
    Llama::<ArrayX<f32>>::new(tiny_config(64), 7).save_dir(&folder.0).unwrap();
    let tokenizer = train_byte_bpe(["the cat sat"], 257, &["<|end|>"]).unwrap();
    let json = tokenizer.to_tokenizer_json().unwrap();
    std::fs::write(folder.0.join("tokenizer.json"), json).unwrap();
    let file = folder.0.join(FILE);
    export_gguf(&folder.0, &file, TensorType::Q8_0).unwrap();
    std::fs::read(file).unwrap()
}

/// What may have happened to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// The rest is missing.
    Cut(Index),
    /// Some bytes are others.
    Flipped(Vec<(Index, u8)>),
    /// Eight bytes claim a number.
    Claim(Index, u64),
    /// A part stands twice.
    Doubled(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let claims = prop_oneof![
        Just(u64::MAX),
        Just(1 << 63),
        Just(u64::from(u32::MAX)),
        Just(1 << 40),
        Just(0),
        any::<u64>(),
    ];
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        prop::collection::vec((any::<Index>(), 1..=255_u8), 1..8).prop_map(Damage::Flipped),
        (any::<Index>(), claims).prop_map(|(at, value)| Damage::Claim(at, value)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::Doubled(a, b)),
    ]
}

/// The file after the damage, which is done where the header stands: weights may hold anything.
fn damaged(whole: &[u8], header: usize, damage: &Damage) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(whole.len())),
        Damage::Flipped(flips) => {
            for (at, mask) in flips {
                bytes[at.index(header)] ^= mask;
            }
        }
        Damage::Claim(at, value) => {
            let at = at.index(header - 8);
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        Damage::Doubled(a, b) => {
            let (a, b) = (a.index(header), b.index(header));
            let part = bytes[a.min(b)..a.max(b)].to_vec();
            bytes.splice(a.max(b)..a.max(b), part);
        }
    }
    bytes
}

/// The file with the key that says how text is cut under another name.
fn without_pre(whole: &[u8]) -> Vec<u8> {
    let key = b"tokenizer.ggml.pre";
    let mut bytes = whole.to_vec();
    if let Some(at) = whole.windows(key.len()).position(|bytes| bytes == key) {
        bytes[at] = b'T';
    }
    bytes
}

/// Everything that a program does with a file before it answers.
fn load(bytes: Bytes) -> Result<Model, InferError> {
    let gguf = Gguf::parse(bytes, FILE)?;
    for (_, value) in gguf.metadata() {
        if let Some(array) = value.as_array() {
            array.to_u64s();
            array.to_f32s();
            array.to_arrays();
            array.byte_strings().map(Iterator::count);
        }
    }
    Tokenizer::from_gguf(&gguf)?;
    Model::from_gguf(&gguf)
}

/// What is read can be used.
fn run(model: &Model) {
    let mut cache = KvCache::new(model.cache_shape(), 4);
    let input = Input { sequence: cache.open(), tokens: &[0, 1, 2], logits: LogitRows::Last };
    // A damaged configuration may allow fewer tokens; then that is the answer.
    let _ = model.forward(&[input], &mut cache, Activations::Quantized, &mut Workspace::new());
}

#[test]
fn damaged_files_are_refused_or_run() {
    for whole in [exported(), small_gguf::small_gguf()] {
        check(&whole);
    }
}

/// Damages a file in many ways.
fn check(whole: &[u8]) {
    let header = {
        let gguf = Gguf::parse(Bytes::from(whole.to_vec()), FILE).unwrap();
        gguf.tensors().iter().map(|tensor| tensor.offset).min().unwrap()
    };
    run(&load(Bytes::from(whole.to_vec())).unwrap());
    // All that is built from a whole file, tables of the tokenizer among it, is the measure. A file
    // that does not say how its text is cut takes the dearest of the ways.
    let cost = |bytes: Vec<u8>| {
        let region = Region::new(ALLOCATOR);
        load(Bytes::from(bytes)).unwrap();
        region.change().bytes_allocated
    };
    let undamaged = cost(whole.to_vec()).max(cost(without_pre(whole)));

    let cases = if cfg!(debug_assertions) { 2000 } else { 20_000 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&damage(), |damage| {
            let bytes = Bytes::from(damaged(whole, header, &damage));
            let region = Region::new(ALLOCATOR);
            let loaded = load(bytes);
            let allocated = region.change().bytes_allocated;
            prop_assert!(
                allocated <= 2 * undamaged,
                "{allocated} bytes of memory, not {undamaged}"
            );
            match loaded {
                Ok(model) => run(&model),
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(text.contains(FILE), "{text}");
                }
            }
            Ok(())
        })
        .unwrap();
}

/// What the fuzz target `gguf` starts from.
#[test]
#[ignore = "writes into fuzz/corpus"]
fn writes_the_seed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/gguf");
    std::fs::create_dir_all(&corpus).unwrap();
    std::fs::write(corpus.join("exported.gguf"), exported()).unwrap();
    std::fs::write(corpus.join("small.gguf"), small_gguf::small_gguf()).unwrap();
}
