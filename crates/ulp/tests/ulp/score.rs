//! `ulp score`, run as a user runs it.

use crate::support::tiny_model::TinyModel;
use crate::support::{Ran, reference_data, run};
use serde_json::Value as Json;

fn score(words: &[&str]) -> Ran {
    let model = TinyModel::get().name();
    run(["score", "-m", &model].into_iter().chain(words.iter().copied()))
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

/// What `generate` says of its tokens is what `score` says of the same ones, to the bit.
#[test]
fn generated_tokens_have_the_scores_that_generation_gave_them() {
    let model = TinyModel::get().name();
    let words = ["generate", "-m", &model, "-p", "the cat", "-n", "20", "--seed", "1"];
    let made = run(words.into_iter().chain(["--json", "--top", "2", "--ignore-eos"])).json();
    let ids = [list(&made["prompt_ids"]), list(&made["ids"])].concat();
    let json = score(&["--ids", &Json::from(ids.clone()).to_string(), "--json", "--top", "2"]);
    let json = json.json();
    assert_eq!(list(&json["ids"]), ids);
    let first = list(&made["prompt_ids"]).len();
    assert_eq!(list(&json["tokens"])[first..], *list(&made["tokens"]));
    assert_eq!(list(&json["logprobs"])[first..], *list(&made["logprobs"]));
    assert_eq!(json["logprobs"][0], Json::Null);
    assert_eq!(list(&json["next"]).len(), 2);

    let sum: f64 = list(&json["logprobs"]).iter().filter_map(Json::as_f64).sum();
    let mean = -sum / (ids.len() - 1) as f64;
    for (key, value) in [("sum_logprob", sum), ("mean_nll", mean), ("perplexity", mean.exp())] {
        assert!((json[key].as_f64().unwrap() - value).abs() < 1e-9, "{key}");
    }
}

#[test]
fn a_text_as_a_table() {
    let out = score(&["-p", "the cat", "--top", "2"]).good();
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].trim_start().starts_with("- ") && lines[0].ends_with("<|endoftext|>"),
        "{out}"
    );
    assert!(lines.last().unwrap().contains("perplexity"), "{out}");
    let json = score(&["-p", "the cat", "--json"]).json();
    assert_eq!(json["text"], "<|endoftext|>the cat");
    assert_eq!(lines.len(), list(&json["ids"]).len() + 1);
    assert!(list(&json["tokens"]).iter().all(|token| list(&token["top"]).is_empty()));
    // One token has nothing before it.
    let json = score(&["--ids", "1", "--json"]).json();
    assert_eq!(
        (&json["mean_nll"], &json["logprobs"]),
        (&Json::Null, &Json::from(vec![Json::Null]))
    );
    assert_eq!(score(&["--ids", "1"]).good().lines().count(), 1);
}

#[test]
fn what_is_refused() {
    assert!(score(&["--ids", "1,99999,2"]).bad(1).contains("99999 at index 1"));
    assert!(score(&["--ids", "1,x"]).bad(1).contains("1,x"));
    assert!(score(&["-p", "", "--no-special"]).bad(1).contains("give a text with -p"));
    let long = "the cat ".repeat(200);
    assert!(score(&["-p", &long]).bad(1).contains("pieces of 64 tokens"));
    assert!(score(&["-p", "a", "--ids", "1"]).bad(2).contains("cannot be used with"));
}

/// A model without a tokenizer can score ids: the reference's logits, turned into probabilities.
#[test]
fn babyllama_by_ids_alone() {
    let Some(folder) = reference_data("babyllama") else { return };
    let golden = std::fs::read_to_string(folder.join("golden.json")).expect("readable");
    let golden: Json = serde_json::from_str(&golden).expect("JSON");
    let ids = [&[Json::from(1)], list(&golden["greedy_ids"])].concat();
    let (hf, ids) = (folder.join("hf"), Json::from(ids).to_string());
    let words = ["score", "-m", hf.to_str().unwrap(), "--ids", &ids, "--json", "--top", "1"];
    let json = run(words).json();
    // Greedy text: at each place the token is the best one.
    for token in &list(&json["tokens"])[1..] {
        assert_eq!(token["id"], token["top"][0]["id"]);
    }
    assert_eq!(json["text"], Json::Null);
    assert!(json["perplexity"].as_f64().unwrap() < 2.0, "{}", json["perplexity"]);
}
