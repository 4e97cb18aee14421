//! Training gives the same weights, to the bit, on each instruction set and at any number of
//! threads: on this machine, and on that where the expected values were written down.

use std::process::Command;

use ulp_nn::{LlamaConfig, Module, TokenDataset, Trainer, TrainingConfig};
use ulp_tensor::simd::Isa;

/// The hashes of the trained weights. A change that moves them changes what every seed trains, the
/// embedded default model included: it is to be made on purpose, or not at all.
const NARROW: &str = "weights 00344e85488be36d";
const WIDE: &str = "weights 5ae981cb9b13ac9c";

/// FNV-1a over the bits of all weights in order.
fn hash(trainer: &Trainer) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    trainer.model().visit(|_, p| {
        for byte in p.iter().flat_map(|x| x.to_bits().to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    });
    hash
}

/// Trains on a sequence in which each token says the next, and prints the hash.
fn train(sizes: &str, sequence_length: usize, steps: u64) {
    let text = format!(
        r#"{{"model_type": "llama", "num_hidden_layers": 2, "attention_bias": true,
            "max_position_embeddings": 64, "tie_word_embeddings": true, {sizes}}}"#
    );
    let config = LlamaConfig::parse(text.as_bytes(), "config.json").expect("a config");
    let vocabulary = config.vocab_size as u32;
    let training = TrainingConfig {
        batch_size: 2,
        sequence_length,
        learning_rate: 2e-3,
        warmup_steps: 2,
        total_steps: steps,
        ..TrainingConfig::default()
    };
    let data = TokenDataset::from_tokens((0..3000).map(|i| 7 * i % vocabulary).collect());
    let mut trainer = Trainer::new(config, training).expect("legal");
    let first = trainer.step(&data).expect("a step").loss;
    let mut last = first;
    while !trainer.is_done() {
        last = trainer.step(&data).expect("a step").loss;
    }
    assert!(last < first, "it learns: {first} {last}");
    println!("weights {:016x}", hash(&trainer));
}

#[test]
#[ignore = "a child process of a_hundred_steps_on_each_instruction_set runs it"]
fn narrow() {
    let sizes = r#""vocab_size": 37, "hidden_size": 24, "intermediate_size": 40,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10"#;
    train(sizes, 17, 100);
}

/// Large enough for every operation to be shared among threads.
#[test]
#[ignore = "a child process of any_number_of_threads runs it"]
fn wide() {
    let sizes = r#""vocab_size": 611, "hidden_size": 96, "intermediate_size": 264,
        "num_attention_heads": 6, "num_key_value_heads": 3"#;
    train(sizes, 64, 10);
}

/// What `test` prints in a process of its own.
fn weights(test: &str, isa: Isa, threads: usize) -> String {
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &format!("same_bits::{test}"), "--ignored", "--nocapture"])
        .env("ULP_ISA", isa.name())
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .expect("a child process");
    let said = String::from_utf8_lossy(&child.stdout);
    let found = said.lines().find_map(|line| line.find("weights ").map(|at| &line[at..]));
    found.unwrap_or_else(|| panic!("{test} on {}: {said}", isa.name())).to_owned()
}

#[test]
fn a_hundred_steps_on_each_instruction_set() {
    for isa in Isa::available() {
        assert_eq!(weights("narrow", isa, 2), NARROW, "{}", isa.name());
    }
}

/// The portable instruction set calls a function for each fused multiply-add: it is left to the
/// narrow model.
#[test]
fn any_number_of_threads() {
    for isa in Isa::available().into_iter().filter(|isa| *isa != Isa::Portable) {
        for threads in [1, 2, 5] {
            assert_eq!(weights("wide", isa, threads), WIDE, "{}, {threads} threads", isa.name());
        }
    }
}
