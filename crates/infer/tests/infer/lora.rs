//! An adapter is the model with B·A added to its weights, for the requests that ask for it.

use std::path::Path;
use std::sync::Arc;

use crate::test_models::{Scratch, all_logits, largest_difference, tiny_config};
use ulp_infer::{
    Activations, Engine, EngineOptions, Event, InferError, Input, KvCache, LogitRows, LoraAdapter,
    Model, Request, SamplerParams, TensorType, Workspace, export_gguf, train_byte_bpe,
};
use ulp_nn::{ArrayX, Dtype, Llama, Module, SafeTensorsWriter};
use ulp_tensor::Philox;
use ulp_tensor::ndarray::{Array2, ArrayD};

const PARTS: [&str; 7] = [
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
];
const RANK: usize = 3;
const ALPHA: f32 = 6.0;

fn random(stream: u64, rows: usize, cols: usize) -> Array2<f32> {
    let random = Philox::new(3, stream);
    Array2::from_shape_fn((rows, cols), |(i, j)| 0.2 * random.normal::<f32>((i * cols + j) as u64))
}

/// A and B of a weight, if the adapter has it.
fn delta(name: &str, rows: usize, cols: usize, seed: u64) -> Option<(Array2<f32>, Array2<f32>)> {
    let part = PARTS.iter().position(|part| name.contains(part))?;
    let layer = u64::from(name.contains("layers.1"));
    let stream = 100 * seed + 20 * layer + 2 * part as u64;
    Some((random(stream, RANK, cols), random(stream + 1, rows, RANK)))
}

fn base() -> Llama<ArrayX<f32>> {
    Llama::new(tiny_config(64), 7)
}

/// The base with the adapter's product added to its weights.
fn merged(seed: u64) -> Scratch {
    let mut model = base();
    model.visit_mut(|name, p| {
        if let [rows, cols] = *p.shape()
            && let Some((a, b)) = delta(name, rows, cols, seed)
        {
            let product: ArrayD<f32> = (b.dot(&a) * (ALPHA / RANK as f32)).into_dyn();
            *p = (&*p + &product).into();
        }
    });
    let folder = Scratch::new("merged");
    model.save_dir(&folder.0).unwrap();
    folder
}

fn write_adapter(folder: &Path, seed: u64, more: &str) {
    let mut writer = SafeTensorsWriter::new();
    let mut all = Vec::new();
    base().visit(|name, p| {
        if let [rows, cols] = *p.shape()
            && let Some((a, b)) = delta(name, rows, cols, seed)
        {
            let stem = name.strip_suffix(".weight").unwrap();
            let name = |part| format!("base_model.model.{stem}.lora_{part}.weight");
            all.extend([(name("A"), a.into_dyn()), (name("B"), b.into_dyn())]);
        }
    });
    for (name, array) in &all {
        writer.array(name, Dtype::F32, array.view());
    }
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes).unwrap();
    std::fs::write(folder.join("adapter_model.safetensors"), bytes).unwrap();
    let config = format!(r#"{{"peft_type": "LORA", "r": {RANK}, "lora_alpha": {ALPHA} {more}}}"#);
    std::fs::write(folder.join("adapter_config.json"), config).unwrap();
}

fn adapter(model: &Model, seed: u64) -> LoraAdapter {
    let folder = Scratch::new("adapter");
    write_adapter(&folder.0, seed, "");
    LoraAdapter::load(&folder.0, model).unwrap()
}

fn ids() -> Vec<u32> {
    (0..40).map(|i| 1 + i * 7 % 250).collect()
}

fn adapted_logits(model: &Model, adapter: &LoraAdapter) -> Vec<f32> {
    let mut cache = KvCache::new(model.cache_shape(), 64);
    let tokens = &ids()[..];
    let input = Input { sequence: cache.open(), tokens, logits: LogitRows::All };
    let (adapters, mut workspace) = ([Some(adapter)], Workspace::new());
    let exact = Activations::Exact;
    model.forward_adapted(&[input], &adapters, &mut cache, exact, &mut workspace).unwrap().to_vec()
}

#[test]
fn an_adapter_is_the_merged_model() {
    let folder = Scratch::new("base");
    base().save_dir(&folder.0).unwrap();
    let tokenizer = train_byte_bpe([""], 257, &["<|end|>"]).unwrap();
    let json = tokenizer.to_tokenizer_json().unwrap();
    std::fs::write(folder.0.join("tokenizer.json"), json).unwrap();
    let gguf = folder.0.join("model.gguf");
    export_gguf(&folder.0, &gguf, TensorType::F32).unwrap();
    let expected = all_logits(&Model::load(&merged(1).0).unwrap(), &ids(), Activations::Exact);
    let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    // GGUF has the rows of queries and keys in another order.
    for path in [&folder.0, &gguf] {
        let model = Model::load(path).unwrap();
        let plain = all_logits(&model, &ids(), Activations::Exact);
        assert!(largest_difference(&plain, &expected) > 0.1 * largest);
        let ours = adapted_logits(&model, &adapter(&model, 1));
        let worst = largest_difference(&ours, &expected);
        // Products are added to outputs in place of weights: another rounding of the same sums.
        assert!(worst < 1e-4 * largest, "{worst} of {largest}");
    }
}

#[test]
fn requests_choose_their_adapters_in_one_batch() {
    let (model, tokenizer) = crate::test_models::tiny_model("adapters", 256);
    let adapters: Vec<_> = [1, 2]
        .map(|seed| Some(Arc::new(adapter(&model, seed))))
        .into_iter()
        .chain([None])
        .collect();
    let request = |i: usize| Request {
        sampler: SamplerParams::greedy(),
        max_tokens: 12,
        ignore_eog: true,
        adapter: adapters[i % 3].clone(),
        ..Request::new((1..100).collect())
    };
    let engine = || {
        let options = EngineOptions { cache: 2048, ..EngineOptions::default() };
        Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options)
    };
    let run = |engine: &mut Engine, requests: Vec<Request>| {
        let mut answers = vec![(Vec::new(), 0); requests.len()];
        let ids: Vec<_> = requests.into_iter().map(|r| engine.submit(r).unwrap()).collect();
        while !engine.is_idle() {
            for event in engine.step().unwrap() {
                let i = ids.iter().position(|&id| id == event.request()).unwrap();
                match event {
                    Event::Token(token) => answers[i].0.push((token.id, token.logprob.to_bits())),
                    Event::Finished(end) => answers[i].1 = end.usage.reused,
                    other => panic!("{other:?}"),
                }
            }
        }
        answers
    };
    let alone: Vec<_> = (0..3).map(|i| run(&mut engine(), vec![request(i)]).remove(0).0).collect();
    assert!(alone[0] != alone[1] && alone[1] != alone[2] && alone[0] != alone[2]);
    let mut engine = engine();
    for round in 0..2 {
        let answers = run(&mut engine, (0..6).map(request).collect());
        for (i, (answer, reused)) in answers.into_iter().enumerate() {
            assert_eq!(answer, alone[i % 3], "request {i}");
            // Blocks are shared within an adapter, never across.
            assert_eq!(reused > 0, round > 0 || i >= 3, "request {i}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (model, tokenizer) = crate::test_models::tiny_model("refused", 64);
    let refused = |model: &Model, more: &str| {
        let folder = Scratch::new("refused-adapter");
        write_adapter(&folder.0, 1, more);
        LoraAdapter::load(&folder.0, model).unwrap_err()
    };
    for more in [r#", "use_dora": true"#, r#", "bias": "all""#, r#", "peft_type": "IA3""#] {
        let error = refused(&model, more);
        assert!(matches!(error, InferError::UnsupportedFeature { .. }), "{error}");
        assert!(error.to_string().contains("adapter_config.json"), "{error}");
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models/qwen3");
    let other = Model::load(root).unwrap();
    assert!(matches!(refused(&other, ""), InferError::ShapeMismatch { .. }));
    let adapter = Some(Arc::new(adapter(&model, 1)));
    let mut engine = Engine::new(Arc::new(other), tokenizer, EngineOptions::default());
    let request = Request { adapter, ..Request::new(vec![1]) };
    assert!(matches!(engine.submit(request), Err(InferError::OtherModelsAdapter)));
    let folder = Scratch::new("no-adapter");
    assert!(matches!(LoraAdapter::load(&folder.0, &model), Err(InferError::Io { .. })));
}
