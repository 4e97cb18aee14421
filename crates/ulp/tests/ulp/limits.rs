//! Numbers that are too large or too small, in flags and in files: an error each, and at once.

use crate::support::tiny_model::TinyModel;
use crate::support::{Scratch, run};
use std::path::Path;
use ulp_infer::{Gguf, GgufWriter, Value};

const TEXT: &str = "the cat sat. the dog ran. the cat ran. the dog sat. the cat sat. the dog ran.";

/// The tiny model with one number of its metadata changed.
fn changed(scratch: &Scratch, name: &str, key: &str, value: Value) -> String {
    let plain = scratch.path("plain.gguf");
    let model = TinyModel::get().name();
    run(["quantize", &model, plain.to_str().unwrap(), "--type", "F32"]).good();
    let gguf = Gguf::open(&plain).unwrap();
    let mut writer = GgufWriter::new();
    gguf.metadata().for_each(|(key, value)| writer.set(key, value.clone()));
    writer.set(key, value);
    for tensor in gguf.tensors() {
        writer.tensor(&tensor.name, &tensor.shape, tensor.ty, gguf.data(tensor).to_vec());
    }
    let out = scratch.path(name);
    writer.write_to_file(&out).unwrap();
    out.to_str().unwrap().to_string()
}

#[track_caller]
fn names(words: &[&str], flag: &str) {
    let error = run(words).bad(2);
    assert!(error.contains(flag), "{words:?}: {error}");
}

#[test]
fn a_context_without_room_for_a_window_is_refused() {
    let scratch = Scratch::new("short-context");
    let model = changed(&scratch, "m.gguf", "llama.context_length", Value::U32(3));
    let out = scratch.path("out").display().to_string();
    let text = scratch.write("text.txt", TEXT).display().to_string();
    let message = "made for 3 tokens of context";
    names(&["perplexity", "-m", &model, "-p", TEXT], message);
    names(&["perplexity", "-m", &model, "-p", TEXT, "-c", "4"], message);
    names(&["imatrix", "-m", &model, "-p", TEXT, "-o", &out], message);
    names(&["audit", &model, "--against", &model, "--text", &text], message);
}

#[test]
fn more_threads_than_processors_have_are_refused() {
    for threads in ["0", "1025", "10000", "65536"] {
        names(&["perplexity", "-p", TEXT, "-t", threads], "--threads");
    }
}

#[test]
fn more_than_memory_holds_is_refused_by_the_flag() {
    let scratch = Scratch::new("memory");
    let model = TinyModel::get().name();
    for cache in ["1000000000000", "18446744073709551615"] {
        names(&["serve", "-m", &model, "--port", "0", "--no-measure", "--cache", cache], "--cache");
    }
    names(&["bench", "-m", &model, "--parallel", "4294967295", "-p", "0", "-n", "1"], "--parallel");
    names(&["bench", "-m", &model, "-p", "18446744073709551615", "-n", "2", "-d", "1"], "-d");
    let long = (1u32 << 31) - 1;
    let long = changed(&scratch, "m.gguf", "llama.context_length", Value::U32(long));
    names(&["bench", "-m", &long, "-p", "2000000000", "-n", "0"], "-p");
    names(&["bench", "-m", &long, "-d", "2000000000", "-n", "1", "-p", "0"], "-d");
    names(&["plan", &long, "--parallel", "4294967295", "--json"], "--parallel");

    let text = scratch.write("text.txt", TEXT.repeat(10)).display().to_string();
    let out = scratch.path("out").display().to_string();
    let train = ["train", "--text", &text, "--out", &out, "--vocab-size", "270"];
    let with = |more: &[&str]| {
        names(&[&train[..], more].concat(), "--layers");
        assert!(!Path::new(&out).exists());
    };
    with(&["--layers", "100000000"]);
    with(&["--width", "2000000000", "--heads", "1", "--feed-forward", "64"]);
    with(&["--feed-forward", "2000000000"]);
}

#[test]
fn plans_of_many_sequences_are_sums_of_one() {
    let model = TinyModel::get().name();
    let cache = |parallel: &str| {
        let words = ["plan", &model, "-c", "64", "--parallel", parallel, "--json"];
        run(words).json()["memory_bytes"]["cache"].as_u64().unwrap()
    };
    assert_eq!(cache("4294967295"), 4_294_967_295 * cache("1"));
}

#[test]
fn a_tokenizer_larger_than_the_embedding_is_refused() {
    let model = TinyModel::get().name();
    let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/default.gguf");
    let words = ["generate", "-m", &model, "--tokenizer", tokenizer, "-p", "the", "-n", "1"];
    let error = run(words).bad(1);
    assert!(error.contains(tokenizer) && error.contains(&model), "{error}");
}

#[test]
fn a_model_that_computes_no_numbers_is_named() {
    let scratch = Scratch::new("non-finite");
    let plain = scratch.path("plain.gguf");
    run(["quantize", &TinyModel::get().name(), plain.to_str().unwrap(), "--type", "F32"]).good();
    let gguf = Gguf::open(&plain).unwrap();
    let norm = gguf.tensor("output_norm.weight").unwrap();
    let mut bytes = std::fs::read(&plain).unwrap();
    bytes[norm.offset..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let bad = scratch.write("bad.gguf", bytes).display().to_string();
    let plain = plain.display().to_string();
    for words in [
        &["score", "-m", &bad, "-p", TEXT][..],
        &["generate", "-m", &bad, "-p", TEXT, "-n", "1", "--temp", "0"],
        &["perplexity", "-m", &bad, "-p", TEXT, "-c", "16"],
        &["perplexity", "-m", &plain, "--against", &bad, "-p", TEXT, "-c", "16"],
    ] {
        let error = run(words).err;
        assert!(error.contains(&format!("{bad}: ")), "{words:?}: {error}");
    }
}
