//! Models for tests: real ones where they are at hand, small random ones always.

#![allow(dead_code)] // Each test uses a part of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ulp_infer::{
    Activations, Input, KvCache, LogitRows, Model, Tokenizer, Workspace, train_byte_bpe,
};
use ulp_nn::{ArrayX, Llama, LlamaConfig, SafeTensors};
use ulp_tensor::ndarray::ArrayD;

/// A folder of the reference data; `None`, with a line that says so, where it is absent.
pub(crate) fn reference_data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ULP_TEST_DATA").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into(),
        PathBuf::from,
    );
    present(root.join(folder), "reference data")
}

/// A fetched model; `None`, with a line that says so, where it is absent.
pub(crate) fn fetched_model(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ULP_MODELS")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../models").into(), PathBuf::from);
    present(root.join(file), "cargo xtask fetch smollm2")
}

fn present(path: PathBuf, hint: &str) -> Option<PathBuf> {
    if !path.exists() {
        eprintln!("skipped: no {} ({hint})", path.display());
        return None;
    }
    Some(path)
}

pub(crate) const SMOLLM2: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// A tensor of a safetensors file, as f32.
pub(crate) fn tensor(path: &Path, name: &str) -> ArrayD<f32> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::parse(&bytes, &path.display().to_string()).unwrap();
    file.required(name).unwrap().to_f32().unwrap()
}

/// The logits of all positions, `[T, V]`, in one pass.
pub(crate) fn all_logits(model: &Model, ids: &[u32], activations: Activations) -> Vec<f32> {
    let mut cache = KvCache::new(model.cache_shape(), ids.len());
    let sequence = cache.open_with(model.rope_factors(ids.len()));
    let input = Input { sequence, tokens: ids, logits: LogitRows::All };
    let mut workspace = Workspace::new();
    model.forward(&[input], &mut cache, activations, &mut workspace).unwrap().to_vec()
}

pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
}

/// A directory that no other test has, removed when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("ulp-infer-{}-{count}-{name}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The configuration of a model small enough for a debug build.
pub(crate) fn tiny_config(context: usize) -> LlamaConfig {
    let json = format!(
        r#"{{"model_type": "llama", "vocab_size": 257, "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-5, "max_position_embeddings": {context},
            "initializer_range": 0.3, "tie_word_embeddings": true}}"#
    );
    LlamaConfig::parse(json.as_bytes(), "tiny").unwrap()
}

/// A random model with a token for each byte and 0 for the end of a text.
pub(crate) fn tiny_model(name: &str, context: usize) -> (Arc<Model>, Arc<Tokenizer>) {
    let tokenizer = train_byte_bpe([""], 257, &["<|end|>"]).unwrap();
    let tokenizer = tokenizer.with_bos_eos(None, Some(0), false);
    (random_model(name, context, 7), Arc::new(tokenizer))
}

/// The same with LongRoPE, whose long factors begin after `original` tokens.
pub(crate) fn long_rope_model(
    name: &str,
    original: usize,
    context: usize,
) -> (Arc<Model>, Arc<Tokenizer>) {
    let (_, tokenizer) = tiny_model(name, context);
    let folder = Scratch::new(name);
    Llama::<ArrayX<f32>>::new(tiny_config(context), 7).save_dir(&folder.0).unwrap();
    let path = folder.0.join("config.json");
    let mut config = json(&path);
    config["rope_scaling"] = serde_json::json!({
        "rope_type": "longrope", "original_max_position_embeddings": original,
        "short_factor": [1.0, 1.1, 1.3, 1.5], "long_factor": [2.0, 4.0, 3.0, 5.0],
    });
    std::fs::write(&path, config.to_string()).unwrap();
    (Arc::new(Model::load(&folder.0).unwrap()), tokenizer)
}

/// A model with the same vocabulary and other weights.
pub(crate) fn other_tiny_model(context: usize) -> Arc<Model> {
    random_model("other", context, 8)
}

fn random_model(name: &str, context: usize, seed: u64) -> Arc<Model> {
    let folder = Scratch::new(name);
    Llama::<ArrayX<f32>>::new(tiny_config(context), seed).save_dir(&folder.0).unwrap();
    Arc::new(Model::load(&folder.0).unwrap())
}
