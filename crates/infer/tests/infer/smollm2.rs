//! SmolLM2-135M-Instruct (Q4_1): greedy tokens and next-token distributions against a reference
//! that the transformers library computed in f32 from the same weights, dequantized.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::test_models::{SMOLLM2, fetched_model, ids, json, reference_data};
use serde_json::Value;
use ulp_infer::{
    Activations, CacheType, EncodeOptions, Engine, EngineOptions, Event, Gguf, Model,
    PositionScore, Precision, Request, SamplerParams, Tokenizer, score,
};
use ulp_nn::SafeTensors;

/// Tokens that the reference keeps at each position.
const TOP: usize = 64;

struct Smollm2 {
    folder: PathBuf,
    prompts: Vec<Value>,
    model: Arc<Model>,
    tokenizer: Arc<Tokenizer>,
}

fn smollm2() -> Option<Smollm2> {
    let folder = reference_data("smollm2")?;
    let file = Gguf::open(fetched_model(SMOLLM2)?).unwrap();
    Some(Smollm2 {
        prompts: json(&folder.join("reference.json")).as_array().unwrap().clone(),
        folder,
        model: Arc::new(Model::from_gguf(&file).unwrap()),
        tokenizer: Arc::new(Tokenizer::from_gguf(&file).unwrap()),
    })
}

/// The reference at each position: the ids, and the most probable next tokens with their
/// log-probabilities, `[T, TOP]` each.
struct Reference {
    ids: Vec<u32>,
    top_ids: Vec<u32>,
    top_logprobs: Vec<f32>,
}

impl Reference {
    fn read(folder: &Path, name: &str) -> Self {
        let file = format!("{name}.safetensors");
        let bytes = std::fs::read(folder.join(&file)).unwrap();
        let tensors = SafeTensors::parse(&bytes, &file).unwrap();
        let ints = |name| -> Vec<u32> {
            let array = tensors.required(name).unwrap().to_i64().unwrap();
            array.iter().map(|&id| id as u32).collect()
        };
        let logprobs = tensors.required("top_logprobs").unwrap().to_f32().unwrap();
        Reference {
            ids: ints("ids"),
            top_ids: ints("top_ids"),
            top_logprobs: logprobs.iter().copied().collect(),
        }
    }

    /// KL(p ‖ q) at a position, in nats: over the reference's best tokens, and one bucket for all
    /// others. (Merging outcomes can only lower a divergence; the best 64 leave little to merge.)
    fn kl(&self, position: usize, q: &PositionScore) -> f64 {
        let of =
            |id: u32| q.top.iter().find(|t| t.id == id).expect("all tokens are listed").logprob;
        let range = position * TOP..(position + 1) * TOP;
        let (mut kl, mut p_rest, mut q_rest) = (0.0, 1.0, 1.0);
        for (&id, &log_p) in self.top_ids[range.clone()].iter().zip(&self.top_logprobs[range]) {
            let (log_p, log_q) = (f64::from(log_p), f64::from(of(id)));
            kl += log_p.exp() * (log_p - log_q);
            p_rest -= log_p.exp();
            q_rest -= log_q.exp();
        }
        if p_rest > 1e-7 { kl + p_rest * (p_rest / f64::max(q_rest, 1e-7)).ln() } else { kl }
    }
}

/// A mean over positions.
#[derive(Default)]
struct Mean {
    kl: f64,
    agree: usize,
    count: usize,
}

impl Mean {
    fn add(&mut self, other: &Mean) {
        self.kl += other.kl;
        self.agree += other.agree;
        self.count += other.count;
    }

    fn kl(&self) -> f64 {
        self.kl / self.count as f64
    }

    fn agreement(&self) -> f64 {
        self.agree as f64 / self.count as f64
    }
}

/// The divergence of our distributions from the reference: over the positions whose next token was
/// generated (324, those that llama.cpp's figures are means of), and over all (those of the
/// prompts too).
fn divergence(model: &Smollm2, precision: impl Into<Precision>) -> (Mean, Mean) {
    let precision = precision.into();
    let theirs = json(&model.folder.join("llama_cpp_kl.json"));
    let (mut generated, mut all) = (Mean::default(), Mean::default());
    for (prompt, theirs) in model.prompts.iter().zip(theirs.as_array().unwrap()) {
        let name = prompt["name"].as_str().unwrap();
        assert_eq!(name, theirs["name"]);
        let reference = Reference::read(&model.folder, name);
        let first = ids(&prompt["prompt_ids"]).len() - 1;
        let scores = score(&model.model, &reference.ids, precision, usize::MAX).unwrap();
        let mut of_prompt = Mean::default();
        for (position, score) in scores.iter().enumerate().take(scores.len() - 1) {
            let best = reference.top_ids[position * TOP];
            let agree = usize::from(score.top[0].id == best);
            let one = Mean { kl: reference.kl(position, score), agree, count: 1 };
            all.add(&one);
            if position >= first {
                of_prompt.add(&one);
            }
        }
        eprintln!(
            "{name}: mean KL {:.6} nats, llama.cpp {:.6}",
            of_prompt.kl(),
            theirs["mean_kl"].as_f64().unwrap()
        );
        generated.add(&of_prompt);
    }
    eprintln!(
        "{precision:?}: mean KL {:.6} nats over {} generated tokens ({:.6} over all {}), the \
         same best token at {:.4}",
        generated.kl(),
        generated.count,
        all.kl(),
        all.count,
        generated.agreement()
    );
    (generated, all)
}

/// llama.cpp's figure over all prompts is 0.0026 nats, with the same best token at 0.96.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimization")]
fn quantized_activations_are_nearer_than_llama_cpps() {
    let Some(model) = smollm2() else { return };
    let (generated, all) = divergence(&model, Activations::Quantized);
    assert_eq!(generated.count, 324);
    assert!(generated.kl() <= 0.0026, "{}", generated.kl());
    assert!(all.kl() <= 0.0026, "{}", all.kl());
    assert!(generated.agreement() >= 0.96, "{}", generated.agreement());
}

/// Both are f32 all the way: what is left is rounding, some 1e-5 in a logit.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimization")]
fn exact_activations_give_the_reference_distributions() {
    let Some(model) = smollm2() else { return };
    let (generated, all) = divergence(&model, Activations::Exact);
    assert!(all.kl().abs() < 1e-6, "{}", all.kl());
    assert_eq!(generated.agreement(), 1.0);
}

/// What rounded keys and values do alone, and beside rounded activations.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimization")]
fn smaller_caches_stay_near() {
    let Some(model) = smollm2() else { return };
    for (cache, most) in [(CacheType::F16, 1e-5), (CacheType::Q8_0, 1e-3)] {
        let (_, alone) = divergence(&model, Precision { activations: Activations::Exact, cache });
        assert!(alone.kl() <= most, "{cache}: {}", alone.kl());
        let (both, _) = divergence(&model, Precision { cache, ..Precision::default() });
        assert!(both.kl() <= 0.0026, "{cache}: {}", both.kl());
    }
}

/// Text, ids and the end of all prompts, in one batch.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimization")]
fn exact_activations_give_the_greedy_ids() {
    let Some(Smollm2 { prompts, model, tokenizer, .. }) = smollm2() else { return };
    let options = EngineOptions {
        activations: Activations::Exact,
        context: 256,
        cache: 2048,
        ..EngineOptions::default()
    };
    let mut engine = Engine::new(model, Arc::clone(&tokenizer), options);
    for prompt in &prompts {
        let text = prompt["prompt_text"].as_str().unwrap();
        let prompt_ids = ids(&prompt["prompt_ids"]);
        assert_eq!(tokenizer.encode(text, EncodeOptions::TEMPLATE), prompt_ids);
        let request = Request {
            sampler: SamplerParams::greedy(),
            max_tokens: ids(&prompt["greedy_ids"]).len(),
            ..Request::new(prompt_ids)
        };
        engine.submit(request).unwrap();
    }
    let mut answers = std::collections::BTreeMap::<_, (Vec<u32>, String)>::new();
    while !engine.is_idle() {
        for event in engine.step().unwrap() {
            let (ids, text) = answers.entry(event.request()).or_default();
            match event {
                Event::Token(token) => {
                    ids.push(token.id);
                    text.push_str(&token.text);
                }
                Event::Finished(end) => text.push_str(&end.text),
                Event::Prompt(_) => {}
                Event::Failed { error, .. } => panic!("{error}"),
            }
        }
    }
    for (prompt, (greedy, text)) in prompts.iter().zip(answers.values()) {
        assert_eq!(*greedy, ids(&prompt["greedy_ids"]), "{}", prompt["name"]);
        // The reference writes the mark of the end out.
        let expected = prompt["greedy_text"].as_str().unwrap();
        assert_eq!(*text, expected.trim_end_matches("<|im_end|>"), "{}", prompt["name"]);
    }
}
