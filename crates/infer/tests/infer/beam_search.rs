//! Beam searches of the transformers library on the same model (`golden/make_models.py`).

use std::path::Path;

use crate::test_models::{ids, json};
use ulp_infer::{Activations, BeamOptions, InferError, Model, beam_search};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models/qwen2"))
}

#[test]
fn beams_are_those_of_transformers() {
    let model = Model::load(folder()).unwrap();
    let golden = json(&folder().join("beams.json"));
    let prompt = ids(&golden["prompt"]);
    let mut ended_early = 0;
    for search in golden["searches"].as_array().unwrap() {
        let options = BeamOptions {
            width: search["width"].as_u64().unwrap() as usize,
            max_tokens: search["max_tokens"].as_u64().unwrap() as usize,
            length_penalty: search["length_penalty"].as_f64().unwrap() as f32,
            early_stopping: search["early_stopping"].as_bool().unwrap(),
            activations: Activations::Exact,
            ..BeamOptions::default()
        };
        let beams = beam_search(&model, &prompt, &ids(&search["ends"]), &options).unwrap();
        let theirs = search["beams"].as_array().unwrap();
        assert_eq!(beams.len(), theirs.len());
        for (ours, theirs) in beams.iter().zip(theirs) {
            assert_eq!(ours.tokens, ids(&theirs["tokens"]), "{search}");
            let score = theirs["score"].as_f64().unwrap() as f32;
            assert!((ours.score - score).abs() < 1e-4, "{} {score}", ours.score);
            ended_early += usize::from(ours.tokens.len() < options.max_tokens);
        }
    }
    assert!(ended_early > 3);
}

#[test]
fn a_width_of_one_is_greedy_and_limits_are_kept() {
    let model = Model::load(folder()).unwrap();
    let options = BeamOptions {
        width: 1,
        max_tokens: 12,
        activations: Activations::Exact,
        ..BeamOptions::default()
    };
    let beam = &beam_search(&model, &[3, 4, 5], &[], &options).unwrap()[0];
    let mut text = vec![3, 4, 5];
    for _ in 0..12 {
        let logits = crate::test_models::all_logits(&model, &text, Activations::Exact);
        let last = &logits[logits.len() - model.vocab_size()..];
        let best = (0..last.len()).rev().max_by(|&a, &b| last[a].total_cmp(&last[b]));
        text.push(best.unwrap() as u32);
    }
    assert_eq!(beam.tokens, text[3..]);
    assert_eq!(beam.score, beam.logprob / 12.0);
    let none = BeamOptions { max_tokens: 0, ..options.clone() };
    assert!(beam_search(&model, &[3], &[], &none).unwrap().is_empty());
    assert!(matches!(beam_search(&model, &[], &[], &options), Err(InferError::EmptyPrompt)));
    // The context is a limit, too.
    let long = BeamOptions { width: 2, max_tokens: usize::MAX, ..options };
    let beams = beam_search(&model, &[7; 60], &[], &long).unwrap();
    assert_eq!(beams[0].tokens.len(), model.context() - 60);
}
