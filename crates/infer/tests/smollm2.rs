//! SmolLM2-135M-Instruct (Q4_1): greedy tokens and next-token distributions against a reference
//! that was computed by the transformers library in f32 from the same weights, dequantized.

use std::path::PathBuf;

use ulp_infer::{Activations, Input, KvCache, LogProbabilities, LogitRows, Model, Workspace};
use ulp_nn::SafeTensors;

fn reference() -> Option<(PathBuf, serde_json::Value)> {
    let folder = std::env::var_os("ULP_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let folder = folder.join("smollm2");
    let Ok(text) = std::fs::read_to_string(folder.join("reference.json")) else {
        eprintln!("skipped: no {}", folder.display());
        return None;
    };
    Some((folder, serde_json::from_str(&text).unwrap()))
}

fn model() -> Option<Model> {
    let folder = std::env::var_os("ULP_MODELS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models")),
        PathBuf::from,
    );
    let path = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    if !path.exists() {
        eprintln!("skipped: no {} (cargo xtask fetch smollm2)", path.display());
        return None;
    }
    Some(Model::load(path).unwrap())
}

fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// The most probable tokens at each position and their log-probabilities, `[T, 64]` each.
struct Distributions {
    ids: Vec<u32>,
    top_ids: Vec<u32>,
    top_logprobs: Vec<f32>,
}

fn distributions(folder: &std::path::Path, name: &str) -> Distributions {
    let file = format!("{name}.safetensors");
    let bytes = std::fs::read(folder.join(&file)).unwrap();
    let tensors = SafeTensors::parse(&bytes, &file).unwrap();
    let ints = |name| -> Vec<u32> {
        let array = tensors.required(name).unwrap().to_i64().unwrap();
        array.iter().map(|&id| id as u32).collect()
    };
    let logprobs = tensors.required("top_logprobs").unwrap().to_f32().unwrap();
    Distributions {
        ids: ints("ids"),
        top_ids: ints("top_ids"),
        top_logprobs: logprobs.iter().copied().collect(),
    }
}

/// KL(p ‖ q) over the reference's 64 best tokens and one bucket for all others. Merging outcomes
/// can only lower a divergence; the bucket holds what little the 64 best leave.
fn kl(p_ids: &[u32], p_logprobs: &[f32], q: &LogProbabilities<'_>) -> f64 {
    let (mut kl, mut p_rest, mut q_rest) = (0.0, 1.0, 1.0);
    for (&id, &logp) in p_ids.iter().zip(p_logprobs) {
        let (logp, logq) = (f64::from(logp), f64::from(q.of(id)));
        kl += logp.exp() * (logp - logq);
        p_rest -= logp.exp();
        q_rest -= logq.exp();
    }
    if p_rest > 1e-7 { kl + p_rest * (p_rest / f64::max(q_rest, 1e-7)).ln() } else { kl }
}

fn all_logits(model: &Model, ids: &[u32], activations: Activations) -> Vec<f32> {
    let mut cache = KvCache::new(model.cache_shape(), ids.len());
    let sequence = cache.open();
    let input = Input { sequence, tokens: ids, logits: LogitRows::All };
    let mut workspace = Workspace::new();
    model.forward(&[input], &mut cache, activations, &mut workspace).unwrap().to_vec()
}

/// The mean KL over all positions of all prompts; checks the greedy ids if `greedy`.
fn mean_kl(activations: Activations, greedy: bool) -> Option<f64> {
    let (folder, reference) = reference()?;
    let model = model()?;
    let (mut sum, mut positions, mut agree) = (0.0, 0, 0);
    for prompt in reference.as_array().unwrap() {
        let name = prompt["name"].as_str().unwrap();
        let expected = distributions(&folder, name);
        let prompt_len = ids(&prompt["prompt_ids"]).len();
        assert_eq!(expected.ids[prompt_len..], ids(&prompt["greedy_ids"]), "{name}");
        let logits = all_logits(&model, &expected.ids, activations);
        let (mut prompt_sum, mut prompt_positions) = (0.0, 0);
        for (position, row) in logits.chunks_exact(model.vocab_size()).enumerate() {
            let row = LogProbabilities::new(row);
            let best = row.top(1)[0].id;
            if greedy && (prompt_len..expected.ids.len()).contains(&(position + 1)) {
                assert_eq!(best, expected.ids[position + 1], "{name} at {position}");
            }
            let top = position * 64..(position + 1) * 64;
            if top.end > expected.top_ids.len() {
                break;
            }
            agree += usize::from(best == expected.top_ids[top.start]);
            prompt_sum += kl(&expected.top_ids[top.clone()], &expected.top_logprobs[top], &row);
            prompt_positions += 1;
        }
        eprintln!("{name}: mean KL {:.6} nats", prompt_sum / f64::from(prompt_positions));
        sum += prompt_sum;
        positions += prompt_positions;
    }
    let (mean, agree) = (sum / f64::from(positions), agree as f64 / f64::from(positions));
    eprintln!("{activations:?}: mean KL {mean:.6} nats, the same best token at {agree:.4}");
    Some(mean)
}

#[test]
fn exact_activations_give_the_reference() {
    if let Some(mean) = mean_kl(Activations::Exact, true) {
        // Both are f32 all the way: what is left is rounding, some 1e-5 in a logit.
        assert!(mean < 1e-6, "{mean}");
    }
}

#[test]
fn quantized_activations_are_as_near_as_llama_cpps() {
    if let Some(mean) = mean_kl(Activations::Quantized, false) {
        assert!(mean <= 0.0026, "{mean}");
    }
}
