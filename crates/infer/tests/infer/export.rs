//! A Hugging Face directory written as GGUF is the same model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::test_models::json;
use ulp_infer::{
    Activations, EncodeOptions, Gguf, InferError, Input, KvCache, LogitRows, Model, ModelPart,
    TensorType, Tokenizer, Value, Workspace, dequantize, export_gguf, train_byte_bpe,
};
use ulp_nn::{ArrayX, Llama, LlamaConfig};

const TEMPLATE: &str = "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}";

/// A directory of a random model of 2 layers, with a tokenizer of its own.
fn directory(name: &str, more: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let json = format!(
        r#"{{"vocab_size": 300, "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 128, "initializer_range": 0.2, {more}}}"#
    );
    let config = LlamaConfig::parse(json.as_bytes(), "config.json").unwrap();
    Llama::<ArrayX<f32>>::new(config, 7).save_dir(&folder).unwrap();
    let text = "the cat sat on the mat and the dog sat on the cat ".repeat(20);
    let tokenizer = train_byte_bpe([text], 300, &["<|endoftext|>", "<|user|>", "<|end|>"]).unwrap();
    let eos = tokenizer.token_id("<|endoftext|>");
    let tokenizer = tokenizer.with_bos_eos(eos, eos, true);
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_tokenizer_json().unwrap()).unwrap();
    let config = serde_json::json!({"chat_template": TEMPLATE, "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>"});
    std::fs::write(folder.join("tokenizer_config.json"), config.to_string()).unwrap();
    folder
}

fn logits(model: &Model, ids: &[u32]) -> Vec<f32> {
    let mut cache = KvCache::new(model.cache_shape(), ids.len());
    let sequence = cache.open_with(model.rope_factors(ids.len()));
    let input = Input { sequence, tokens: ids, logits: LogitRows::All };
    let mut workspace = Workspace::new();
    model.forward(&[input], &mut cache, Activations::Exact, &mut workspace).unwrap().to_vec()
}

fn exported(name: &str, more: &str) -> (PathBuf, PathBuf) {
    let folder = directory(name, more);
    let file = folder.join("model.gguf");
    export_gguf(&folder, &file, TensorType::F32).unwrap();
    (folder, file)
}

#[test]
fn a_model_keeps_its_logits() {
    let variants = [
        ("untied", r#""model_type": "llama", "tie_word_embeddings": false"#),
        ("tied", r#""model_type": "llama", "tie_word_embeddings": true"#),
        ("biased", r#""model_type": "llama", "attention_bias": true, "mlp_bias": true"#),
        ("qwen2", r#""model_type": "qwen2""#),
        (
            "linear",
            r#""model_type": "llama", "rope_scaling": {"rope_type": "linear", "factor": 4.0}"#,
        ),
        (
            "llama3",
            r#""model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
               "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32}"#,
        ),
    ];
    for (name, more) in variants {
        let (folder, file) = exported(&format!("export_{name}"), more);
        let (theirs, ours) = (Model::load(folder).unwrap(), Model::load(file).unwrap());
        let ids: Vec<u32> = (0..40).map(|i| i * 37 % 300).collect();
        assert_eq!(logits(&ours, &ids), logits(&theirs, &ids), "{name}");
    }
}

/// A directory with a model that transformers wrote, and a tokenizer of ten tokens.
fn golden_directory(test: &str, name: &str) -> PathBuf {
    let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models")).join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export_{test}_{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(golden.join(file), folder.join(file)).unwrap();
    }
    let tokens = ["<unk>", "<s>", "</s>", "\u{2581}", "a", "b", "c", "ab", "\u{2581}a", "d"];
    let vocab: serde_json::Map<_, _> =
        tokens.iter().enumerate().map(|(id, token)| (token.to_string(), id.into())).collect();
    let special = |id: usize| {
        serde_json::json!({"id": id, "content": tokens[id], "special": true,
        "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
    };
    let mark = serde_json::json!({"String": " "});
    let tokenizer = serde_json::json!({
        "version": "1.0", "added_tokens": [special(0), special(1), special(2)],
        "normalizer": {"type": "Replace", "pattern": mark, "content": "\u{2581}"},
        "decoder": {"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": false,
            "vocab": vocab, "merges": [["a", "b"], ["\u{2581}", "a"]]},
    });
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    folder
}

/// The file that gguf-py wrote of a model.
fn gguf_py(name: &str) -> PathBuf {
    let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models"));
    golden.join(name).join("model.gguf")
}

/// The files that gguf-py wrote of the same models have the same keys and tensors.
fn assert_as_gguf_py(file: &Path, name: &str) {
    let theirs = Gguf::open(gguf_py(name)).unwrap();
    let ours = Gguf::open(file).unwrap();
    let number = |value: &Value| value.as_u64().map(|n| n as f32).or(value.as_f32());
    for (key, value) in theirs.metadata() {
        let found = ours.get(key).unwrap_or_else(|| panic!("{name}: no {key}"));
        match number(value) {
            // The script computes LongRoPE's magnitude in f64, the model in f32 steps.
            Some(value) => assert!((number(found).unwrap() / value - 1.0).abs() < 1e-6, "{key}"),
            None => assert_eq!(found.as_str(), value.as_str(), "{name}: {key}"),
        }
    }
    let shapes = |gguf: &Gguf| -> BTreeMap<String, Vec<usize>> {
        gguf.tensors().iter().map(|t| (t.name.clone(), t.shape.clone())).collect()
    };
    assert_eq!(shapes(&ours), shapes(&theirs), "{name}");
    for tensor in theirs.tensors().iter().filter(|tensor| tensor.shape.len() == 1) {
        let [ours, theirs] = [&ours, &theirs].map(|gguf| {
            let tensor = gguf.tensor(&tensor.name).unwrap();
            dequantize(tensor.ty, &gguf.data(tensor)).unwrap()
        });
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours / theirs - 1.0).abs() <= 2.0 * f32::EPSILON, "{name}: {}", tensor.name);
        }
    }
}

#[test]
fn every_architecture_keeps_its_bits() {
    for name in [
        "llama_linear",
        "llama_rope3",
        "llama_yarn",
        "mistral_window",
        "qwen2",
        "qwen3",
        "gemma2",
        "gemma3",
        "phi3",
        "phi3_long",
        "phi3_border",
        "gpt2",
    ] {
        let folder = golden_directory("bits", name);
        let theirs = Model::load(&folder).unwrap();
        let ids: Vec<u32> = (0..40).map(|i| i * 37 % 40).collect();
        let py = Model::load(gguf_py(name)).unwrap();
        assert_eq!(logits(&py, &ids), logits(&theirs, &ids), "{name}, written by gguf-py");
        for ty in [TensorType::F32, TensorType::BF16] {
            let file = folder.join("model.gguf");
            export_gguf(&folder, &file, ty).unwrap_or_else(|e| panic!("{name}: {e}"));
            let ours = Model::load(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(ours.context(), theirs.context(), "{name}");
            for len in [20, 40] {
                let [ours, theirs] = [&ours, &theirs].map(|model| logits(model, &ids[..len]));
                assert_eq!(ours, theirs, "{name} {ty}");
            }
            // A part of one fits into the other.
            let mixed = theirs.with_part(&ours, ModelPart::Layer(1));
            assert_eq!(logits(&mixed, &ids), logits(&theirs, &ids), "{name} {ty}");
            assert_as_gguf_py(&file, name);
        }
    }
}

#[test]
fn windows_of_some_layers_are_listed() {
    let folder = golden_directory("windows", "qwen3");
    let path = folder.join("config.json");
    let mut config = json(&path);
    config["use_sliding_window"] = true.into();
    config["sliding_window"] = 9.into();
    config["layer_types"] = serde_json::json!(["full_attention", "sliding_attention"]);
    std::fs::write(&path, config.to_string()).unwrap();
    let file = folder.join("model.gguf");
    export_gguf(&folder, &file, TensorType::F32).unwrap();
    let pattern = Gguf::open(&file).unwrap();
    let pattern = pattern.array("qwen3.attention.sliding_window_pattern").unwrap().to_bools();
    assert_eq!(pattern.unwrap(), [false, true]);
    let ids: Vec<u32> = (0..40).map(|i| i * 37 % 40).collect();
    let [ours, theirs] = [&file, &folder].map(|path| logits(&Model::load(path).unwrap(), &ids));
    assert_eq!(ours, theirs);
}

#[test]
fn rows_without_a_token_are_unused() {
    let folder = golden_directory("rows", "qwen3");
    let file = folder.join("padded.gguf");
    export_gguf(&folder, &file, TensorType::F16).unwrap();
    let gguf = Gguf::open(&file).unwrap();
    let (tokens, kinds) =
        (gguf.strings("tokenizer.ggml.tokens").unwrap(), gguf.i64s("tokenizer.ggml.token_type"));
    assert_eq!((tokens.len(), gguf.f32s("tokenizer.ggml.scores").unwrap().len()), (40, 40));
    assert_eq!(kinds.unwrap()[9..11], [1, 5]);
    let [ours, theirs] =
        [Tokenizer::from_gguf(&gguf).unwrap(), Tokenizer::from_dir(&folder).unwrap()];
    let text = "ab d abc";
    let options = EncodeOptions { add_special: false, parse_special: false };
    assert_eq!(ours.encode(text, options), theirs.encode(text, options));
    // A token without a row is none.
    let path = folder.join("tokenizer.json");
    let many = std::fs::read_to_string(&path).unwrap().replace(r#""d":9"#, r#""d":40"#);
    std::fs::write(&path, many).unwrap();
    let error = export_gguf(&folder, &file, TensorType::F16).unwrap_err();
    assert!(
        matches!(&error, InferError::InvalidConfig { key, .. } if key == "vocab_size"),
        "{error}"
    );
}

#[test]
fn what_gguf_has_no_place_for_is_refused() {
    let set = |name: &str, field: &str, value: serde_json::Value| {
        let folder = golden_directory("refused", name);
        let path = folder.join("config.json");
        let mut config = json(&path);
        config[field] = value;
        std::fs::write(&path, config.to_string()).unwrap();
        folder
    };
    for (folder, field) in [
        (golden_directory("refused", "llama_dynamic"), "dynamic"),
        (set("gemma2", "query_pre_attn_scalar", 7.into()), "query_pre_attn_scalar"),
        (set("gemma3", "attn_logit_softcapping", 9.0.into()), "attn_logit_softcapping"),
        (set("qwen3", "hidden_act", "gelu".into()), "hidden_act"),
    ] {
        let file = folder.join("refused.gguf");
        let error = export_gguf(&folder, &file, TensorType::F32).unwrap_err();
        assert!(
            matches!(&error, InferError::UnsupportedFeature { key, .. } if key.contains(field)),
            "{error}"
        );
        assert!(!file.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn the_tokenizer_and_the_template_come_along() {
    let (folder, file) = exported("export_tokenizer", r#""model_type": "llama""#);
    let gguf = Gguf::open(&file).unwrap();
    let (ours, theirs) =
        (Tokenizer::from_gguf(&gguf).unwrap(), Tokenizer::from_dir(&folder).unwrap());
    let text = "the cat <|end|> Zoë 🦙\n\n  sat";
    let options = EncodeOptions { add_special: true, parse_special: true };
    assert_eq!(ours.encode(text, options), theirs.encode(text, options));
    assert_eq!(ours.eog_ids(), theirs.eog_ids());
    assert!(ours.eog_ids().len() == 2, "the end of a text and the end of a turn");
    assert_eq!(gguf.str("tokenizer.chat_template").unwrap(), TEMPLATE);
}

#[test]
fn the_same_directory_gives_the_same_bytes() {
    let (folder, file) = exported("export_bytes", r#""model_type": "llama""#);
    let again = folder.join("again.gguf");
    export_gguf(&folder, &again, TensorType::F32).unwrap();
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(again).unwrap());
}

#[test]
fn matrices_take_the_type_that_was_asked_for() {
    let folder = directory("export_types", r#""model_type": "llama""#);
    let file = folder.join("q8.gguf");
    export_gguf(&folder, &file, TensorType::Q8_0).unwrap();
    let gguf = Gguf::open(&file).unwrap();
    assert_eq!(gguf.tensor("blk.0.attn_q.weight").unwrap().ty, TensorType::Q8_0);
    assert_eq!(gguf.tensor("blk.0.attn_norm.weight").unwrap().ty, TensorType::F32);
    assert!(Model::load(file).is_ok());
}

/// The file would be one that nobody reads.
#[test]
fn an_end_outside_the_vocabulary_is_refused_by_name() {
    let folder = directory("export_ends", r#""model_type": "llama""#);
    let out = folder.join("model.gguf");
    let set = |name: &str, ends: serde_json::Value| {
        let path = folder.join(name);
        let mut config = if path.exists() { json(&path) } else { serde_json::json!({}) };
        config["eos_token_id"] = ends;
        std::fs::write(path, config.to_string()).unwrap();
    };
    let refused = |name: &str| match export_gguf(&folder, &out, TensorType::F32) {
        Err(InferError::InvalidConfig { file, key, value, .. }) => {
            assert_eq!(
                (Path::new(&file), &*key, &*value),
                (&*folder.join(name), "eos_token_id", "300")
            );
        }
        other => panic!("{name}: {other:?}"),
    };
    let _ = std::fs::remove_file(folder.join("generation_config.json"));
    set("config.json", 300.into());
    refused("config.json");
    set("generation_config.json", serde_json::json!([299, 300]));
    refused("generation_config.json");
    set("generation_config.json", 299.into());
    export_gguf(&folder, &out, TensorType::F32).unwrap();
    assert!(Tokenizer::from_gguf(&Gguf::open(&out).unwrap()).unwrap().eog_ids().contains(&299));
}
