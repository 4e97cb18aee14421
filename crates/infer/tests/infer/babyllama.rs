//! BabyLlama, a real model of a million parameters in f32, as GGUF and as a Hugging Face directory:
//! the golden text, ids and logits.

use std::path::Path;
use std::sync::Arc;

use crate::test_models::{all_logits, ids, json, largest_difference, reference_data, tensor};
use ulp_infer::{
    Activations, Engine, EngineOptions, Event, FinishReason, Gguf, Model, Request, SamplerParams,
    Tokenizer,
};

const FILES: [&str; 2] = ["babyllama-tok105-f32.gguf", "hf"];

fn tokenizers(folder: &Path) -> [Tokenizer; 2] {
    let name = "tok105.model";
    let sentencepiece = std::fs::read(folder.join(name)).unwrap();
    [
        Tokenizer::from_gguf(&Gguf::open(folder.join(FILES[0])).unwrap()).unwrap(),
        Tokenizer::from_sentencepiece(&sentencepiece, name).unwrap(),
    ]
}

#[test]
fn greedy_text_is_the_golden_text() {
    let Some(folder) = reference_data("babyllama") else { return };
    let golden = json(&folder.join("golden.json"));
    let start = golden["start"].as_u64().unwrap() as u32;
    let expected = ids(&golden["greedy_ids"]);
    for (file, tokenizer) in FILES.into_iter().zip(tokenizers(&folder)) {
        let model = Arc::new(Model::load(folder.join(file)).unwrap());
        let mut engine = Engine::new(model, Arc::new(tokenizer), EngineOptions::default());
        let request = Request {
            sampler: SamplerParams::greedy(),
            max_tokens: expected.len(),
            ..Request::new(vec![start])
        };
        engine.submit(request).unwrap();
        let (mut ids, mut text, mut reason) = (Vec::new(), String::new(), None);
        while !engine.is_idle() {
            for event in engine.step().unwrap() {
                match event {
                    Event::Token(token) => {
                        ids.push(token.id);
                        text += &token.text;
                    }
                    Event::Finished(end) => {
                        text += &end.text;
                        reason = Some(end.reason);
                    }
                    Event::Prompt(_) => {}
                    Event::Failed { error, .. } => panic!("{error}"),
                }
            }
        }
        assert_eq!(ids, expected, "{file}");
        assert_eq!(text, golden["text"], "{file}");
        assert_eq!(reason, Some(FinishReason::Length));
    }
}

#[test]
fn logits_are_the_golden_logits() {
    let Some(folder) = reference_data("babyllama") else { return };
    let golden = json(&folder.join("golden.json"));
    let theirs = tensor(&folder.join("golden_logits.safetensors"), "logits");
    let mut input = vec![golden["start"].as_u64().unwrap() as u32];
    input.extend(ids(&golden["greedy_ids"]));
    input.pop();
    for file in FILES {
        let model = Model::load(folder.join(file)).unwrap();
        let ours = all_logits(&model, &input, Activations::Exact);
        let worst = largest_difference(&ours, theirs.as_slice().unwrap());
        eprintln!("{file}: logits differ by {worst:e} at most");
        // Two f32 computations whose sums have other orders: transformers' own logits lie within
        // 3.1e-5 of these.
        assert!(worst < 5e-5, "{file}: {worst}");
    }
}
