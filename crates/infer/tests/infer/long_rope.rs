//! LongRoPE: the length of a text decides how all of its positions are turned.
//! `golden/make_models.py` makes the model, whose original context is 24.

use std::path::PathBuf;
use std::sync::Arc;

use crate::test_models::{Scratch, all_logits, json, largest_difference, tensor};
use ulp_infer::{
    Activations, BeamOptions, Engine, EngineOptions, Event, InferError, Input, KvCache, LogitRows,
    Model, Request, RopeFactors, SamplerParams, Workspace, beam_search, score, train_byte_bpe,
};

const ORIGINAL: usize = 24;

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models/phi3_border"))
        .join(name)
}

/// From the directory and from the GGUF file.
fn models() -> [Model; 2] {
    [file(""), file("model.gguf")].map(|path| Model::load(path).unwrap())
}

fn golden_ids(golden: &str, name: &str) -> Vec<u32> {
    let bytes = std::fs::read(file(golden)).unwrap();
    let parsed = ulp_nn::SafeTensors::parse(&bytes, golden).unwrap();
    let ids = parsed.required(name).unwrap().data().chunks_exact(4);
    ids.map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn border(name: &str) -> Vec<f32> {
    tensor(&file("border.safetensors"), name).into_raw_vec_and_offset().0
}

/// Two f32 computations, some hundred roundings of 2^-24 on the way to a logit of size 3.
const CLOSE: f32 = 2e-5;

#[test]
fn the_length_of_a_text_decides() {
    let ids = golden_ids("expected.safetensors", "ids");
    let (below, above) = (border("below"), border("above"));
    let apart = largest_difference(&below, &above[..below.len()]);
    assert!(apart > 0.1, "the two sets of factors must be told apart: {apart}");
    for model in models() {
        assert_eq!(model.context(), 96);
        assert_eq!(model.rope_factors(ORIGINAL), RopeFactors::Short);
        assert_eq!(model.rope_factors(ORIGINAL + 1), RopeFactors::Long);
        for (len, theirs) in [(ORIGINAL, &below), (ORIGINAL + 1, &above)] {
            let ours = all_logits(&model, &ids[..len], Activations::Exact);
            let worst = largest_difference(&ours, theirs);
            assert!(worst < CLOSE, "{len}: {worst}");
        }
    }
}

/// transformers' `generate` computes all keys again at the border; so does the engine.
#[test]
fn an_answer_that_crosses_the_border_is_that_of_transformers() {
    let ids = golden_ids("expected.safetensors", "ids");
    let (answer, logits) = (golden_ids("border.safetensors", "answer"), border("answer_logits"));
    let prompt = &ids[..ORIGINAL - 6];
    for model in models() {
        let v = model.vocab_size();
        for (i, theirs) in logits.chunks_exact(v).enumerate() {
            let text = [prompt, &answer[..i]].concat();
            let ours = all_logits(&model, &text, Activations::Exact);
            let worst = largest_difference(&ours[(text.len() - 1) * v..], theirs);
            assert!(worst < CLOSE, "token {i}: {worst}");
        }
        let exact = EngineOptions { activations: Activations::Exact, ..EngineOptions::default() };
        let with_guesses = EngineOptions { max_draft: 5, step_tokens: 7, ..exact.clone() };
        let model = Arc::new(model);
        for options in [exact, with_guesses] {
            assert_eq!(generate(&model, prompt, answer.len(), options), answer);
        }
    }
}

fn generate(model: &Arc<Model>, prompt: &[u32], n: usize, options: EngineOptions) -> Vec<u32> {
    let tokenizer = Arc::new(train_byte_bpe([""], 257, &["<|end|>"]).unwrap());
    let engine = Engine::new(Arc::clone(model), tokenizer, options);
    // The model itself guesses right, up to the border and beyond it.
    let mut engine = engine.with_draft(Arc::clone(model));
    let sampler = SamplerParams::greedy();
    let request = Request { sampler, max_tokens: n, ..Request::new(prompt.to_vec()) };
    engine.submit(Request { ignore_eog: true, ..request }).unwrap();
    let mut tokens = Vec::new();
    while !engine.is_idle() {
        for event in engine.step().unwrap() {
            if let Event::Token(token) = event {
                tokens.push(token.id);
            }
        }
    }
    tokens
}

#[test]
fn a_sequence_with_short_factors_does_not_grow_past_them() {
    let model = &models()[0];
    let mut cache = KvCache::new(model.cache_shape(), 64);
    let mut workspace = Workspace::new();
    let sequence = cache.open();
    let mut run = |tokens: &[u32], cache: &mut KvCache| {
        let input = Input { sequence, tokens, logits: LogitRows::Last };
        model.forward(&[input], cache, Activations::Exact, &mut workspace).map(<[f32]>::to_vec)
    };
    run(&[3; ORIGINAL - 1], &mut cache).unwrap();
    let error = run(&[3; 2], &mut cache).unwrap_err();
    assert!(
        matches!(error, InferError::ShortFactorsEnd { needed, context: ORIGINAL }
            if needed == ORIGINAL + 1),
        "{error}"
    );
    assert_eq!(cache.len(sequence), ORIGINAL - 1, "nothing has changed");
    assert!(run(&[3], &mut cache).is_ok());
}

/// A batch of a short and a long sequence gives each the bits that it has alone.
#[test]
fn both_kinds_stand_in_one_batch() {
    let model = &models()[0];
    let ids = golden_ids("expected.safetensors", "ids");
    let mut cache = KvCache::new(model.cache_shape(), 256);
    let lengths = [10, 40, 24];
    let sequences = lengths.map(|len| cache.open_with(model.rope_factors(len)));
    let batch: Vec<Input<'_>> = (sequences.into_iter().zip(lengths))
        .map(|(sequence, len)| Input { sequence, tokens: &ids[..len], logits: LogitRows::All })
        .collect();
    let (kind, mut workspace) = (Activations::Quantized, Workspace::new());
    let together = model.forward(&batch, &mut cache, kind, &mut workspace).unwrap();
    let alone = lengths.map(|len| all_logits(model, &ids[..len], kind)).concat();
    assert_eq!(together, alone);
}

/// Each beam's probability is the sum of what passes over its beginnings say.
#[test]
fn beams_cross_the_border() {
    let model = &models()[0];
    let ids = golden_ids("expected.safetensors", "ids");
    let prompt = &ids[..ORIGINAL - 3];
    let exact = Activations::Exact;
    let options =
        BeamOptions { width: 3, max_tokens: 8, activations: exact, ..BeamOptions::default() };
    let beams = beam_search(model, prompt, &[], &options).unwrap();
    assert_eq!(beams.len(), 3);
    for beam in beams {
        let logprob = |n: usize| {
            let text = [prompt, &beam.tokens[..n]].concat();
            let scores = score(model, &text, exact, 40).unwrap();
            let top = &scores.last().unwrap().top;
            top.iter().find(|t| t.id == beam.tokens[n]).unwrap().logprob
        };
        let sum = (0..beam.tokens.len()).map(logprob).fold(0.0, |sum, x| sum + x);
        assert_eq!(beam.logprob, sum);
    }
}

#[test]
fn half_of_the_factors_is_refused() {
    let folder = Scratch::new("long_rope");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(file(name), folder.0.join(name)).unwrap();
    }
    let path = folder.0.join("config.json");
    let mut config = json(&path);
    config["rope_parameters"]["long_factor"] = serde_json::json!([1.0, 2.0]);
    std::fs::write(&path, config.to_string()).unwrap();
    let error = Model::load(&folder.0).unwrap_err();
    assert!(
        matches!(&error, InferError::InvalidConfig { key, .. }
            if key == "rope_parameters.long_factor"),
        "{error}"
    );

    let mut bytes = std::fs::read(file("model.gguf")).unwrap();
    let name = b"rope_factors_long.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at] = b'R';
    let path = folder.0.join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    let error = Model::load(&path).unwrap_err();
    assert!(
        matches!(&error, InferError::MissingTensor { tensor, .. }
            if tensor == "rope_factors_long.weight"),
        "{error}"
    );
}
