//! `ulp perplexity`, run as a user runs it.

use crate::support::tiny_model::TinyModel;
use crate::support::{Ran, Scratch, run};
use serde_json::Value as Json;

const TEXT: &str = "the cat sat. the dog ran. the cat ran. the dog sat. the cat sat. the dog ran. \
                    the cat ran. the dog sat. the cat sat. the dog ran. the cat ran.";

fn perplexity(words: &[&str]) -> Ran {
    let model = TinyModel::get().name();
    run(["perplexity", &model, "-p", TEXT].into_iter().chain(words.iter().copied()))
}

fn number(json: &Json) -> f64 {
    json.as_f64().unwrap_or_else(|| panic!("{json} is no number"))
}

/// One window is the second half of a scored text.
#[test]
fn one_window_is_what_score_says_of_its_second_half() {
    let model = TinyModel::get().name();
    let json = perplexity(&["--ctx", "24", "--chunks", "1", "--json"]).json();
    let scored = run(["score", "-m", &model, "-p", TEXT, "--json"]).json();
    let logprobs = scored["logprobs"].as_array().expect("a list");
    let half = &logprobs[13..24]; // positions 12 to 22 predict tokens 13 to 23
    let mean = -half.iter().map(number).sum::<f64>() / half.len() as f64;
    assert!((number(&json["mean_nll"]) - mean).abs() < 1e-6, "{json} {mean}");
    assert_eq!(json["tokens"], half.len());
    assert!((number(&json["perplexity"]) - mean.exp()).abs() < 1e-6);
}

#[test]
fn windows_begin_with_bos() {
    let all = perplexity(&["--ctx", "16", "--json"]).json();
    assert!(number(&all["windows"]) >= 2.0, "{all}");
    assert_eq!(number(&all["tokens"]), 7.0 * number(&all["windows"]));
    // The ids alone say nothing of a BOS: the second window begins in the middle.
    let model = TinyModel::get().name();
    let ids = run(["score", "-m", &model, "-p", TEXT, "--json"]).json()["ids"].to_string();
    let by_ids = run(["perplexity", &model, "--ids", &ids, "--ctx", "16", "--json"]).json();
    assert_ne!(by_ids["mean_nll"], all["mean_nll"]);
}

#[test]
fn a_model_is_itself() {
    let scratch = Scratch::new("perplexity-itself");
    let saved = scratch.path("logits").to_str().expect("UTF-8").to_string();
    let first = perplexity(&["--ctx", "16", "--exact", "--json", "--save-logits", &saved]).json();
    let model = TinyModel::get().name();
    for words in [["--logits", &saved], ["--against", &model]] {
        let words = [&["--ctx", "16", "--exact", "--json"][..], &words].concat();
        let json = perplexity(&words).json();
        assert_eq!(json["perplexity"], first["perplexity"]);
        let reference = &json["reference"];
        assert_eq!((number(&reference["kl"]), number(&reference["kl_max"])), (0.0, 0.0));
        assert_eq!((number(&reference["same_top"]), number(&reference["rms_shift"])), (1.0, 0.0));
    }
    // A part of what was saved will do.
    let words = ["--ctx", "16", "--chunks", "1", "--logits", &saved];
    assert!(perplexity(&words).good().contains("same best token"));
}

#[test]
fn what_is_refused() {
    let scratch = Scratch::new("perplexity-refused");
    let saved = scratch.path("logits").to_str().expect("UTF-8").to_string();
    perplexity(&["--ctx", "16", "--save-logits", &saved]).good();
    let other = perplexity(&["--ctx", "20", "--logits", &saved]).bad(2);
    assert!(other.contains("another text, tokenizer or --ctx"), "{other}");
    assert!(perplexity(&["--ctx", "999"]).bad(2).contains("made for 64 tokens"));
    assert!(perplexity(&["--ctx", "3"]).bad(2).contains("--ctx"));
    assert!(perplexity(&["--logits", "a", "--against", "b"]).bad(2).contains("cannot be used"));
    let model = TinyModel::get().name();
    assert!(run(["perplexity", &model, "--ids", "1,2,3"]).bad(2).contains("too few"));
    assert!(perplexity(&["--against", "/nowhere"]).bad(1).contains("/nowhere"));
}

/// Files that only look like saved distributions: every cut and every flipped byte of the header.
#[test]
fn broken_files_of_distributions() {
    let scratch = Scratch::new("perplexity-broken");
    let saved = scratch.path("logits");
    let name = saved.to_str().expect("UTF-8");
    perplexity(&["--ctx", "16", "--chunks", "1", "--save-logits", name]).good();
    let bytes = std::fs::read(&saved).expect("readable");
    let cuts = [0, 7, 8, 40, bytes.len() - 1].map(|len| bytes[..len].to_vec());
    let flips = [0, 7, 9, 20, 60, 100].map(|at| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x20;
        bytes
    });
    for bytes in cuts.into_iter().chain(flips) {
        std::fs::write(&saved, bytes).expect("written");
        let ran = perplexity(&["--ctx", "16", "--chunks", "1", "--logits", name]);
        assert!(matches!(ran.code, Some(1 | 2)) && ran.err.contains(name), "{ran:?}");
    }
}
