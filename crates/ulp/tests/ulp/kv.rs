//! `--kv`, the type of the cache, on the commands that have one.

use crate::support::tiny_model::TinyModel;
use crate::support::{Scratch, run};
use serde_json::Value as Json;

const TEXT: &str = "the cat sat. the dog ran. the cat ran. the dog sat.";

#[test]
fn every_command_that_runs_a_model_takes_it() {
    let model = TinyModel::get().name();
    let with = |words: &[&str]| -> Json {
        let ran = run(words.iter().copied().chain(["-m", &model, "--json"]));
        ran.json()
    };
    let scratch = Scratch::new("kv");
    let template = scratch.write("template.jinja", "{{ messages[0].content }}");
    let template = ["--chat-template", template.to_str().unwrap()];
    for kv in ["f32", "f16", "q8_0", "F16"] {
        with(&["generate", "-p", "the", "-n", "4", "--temp", "0", "--kv", kv]);
        with(&[&["chat", "-p", "the", "-n", "4", "--kv", kv], &template[..]].concat());
        let bench = with(&["bench", "-p", "8", "-n", "2", "-r", "1", "--kv", kv]);
        assert_eq!(bench["cache_type"], kv.to_lowercase());
    }
}

#[test]
fn scores_and_perplexity_depend_on_it_a_little() {
    let model = TinyModel::get().name();
    for words in [&["score"][..], &["perplexity", "--ctx", "16"]] {
        let mean = |kv: &[&str]| {
            let model = ["-m", &model, "-p", TEXT, "--exact", "--json"];
            let json = run(words.iter().chain(&model).chain(kv).copied()).json();
            json["mean_nll"].as_f64().unwrap()
        };
        let exact = mean(&[]);
        assert_eq!(mean(&["--kv", "f32"]), exact);
        for kv in ["f16", "q8_0"] {
            let rounded = mean(&["--kv", kv]);
            assert!(rounded != exact && (rounded - exact).abs() < 0.05, "{kv} {rounded} {exact}");
        }
    }
}

#[test]
fn plans_count_its_bytes() {
    let model = TinyModel::get().name();
    let cache = |kv: &[&str]| {
        let json = run(["plan", &model, "-c", "64", "--json"].iter().chain(kv).copied()).json();
        json["memory_bytes"]["cache"].as_u64().unwrap()
    };
    let exact = cache(&[]);
    assert_eq!(cache(&["--kv", "f16"]) * 2, exact);
    assert!(cache(&["--kv", "q8_0"]) < exact / 3);
}

#[test]
fn other_types_are_wrong_usage() {
    let model = TinyModel::get().name();
    for command in ["generate", "chat", "score", "perplexity", "bench", "serve"] {
        let message = run([command, "-m", &model, "--kv", "q3_9"]).bad(2);
        assert!(message.contains("q3_9") && message.contains("q8_0"), "{command}: {message}");
    }
    let message = run(["plan", &model, "--kv", ""]).bad(2);
    assert!(message.contains("--kv"), "{message}");
}
