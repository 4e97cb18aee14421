//! A Hugging Face directory written as GGUF is the same model.

use std::path::{Path, PathBuf};

use ulp_infer::{
    Activations, EncodeOptions, Gguf, Input, KvCache, LogitRows, Model, TensorType, Tokenizer,
    Workspace, export_gguf, train_byte_bpe,
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
    let input = Input { sequence: cache.open(), tokens: ids, logits: LogitRows::All };
    let mut workspace = Workspace::new();
    model.forward(&[input], &mut cache, Activations::Exact, &mut workspace).unwrap().to_vec()
}

/// The same up to the order of the sums of q·k, which runs over the elements of a head in another
/// order: 16 terms, two layers of residual sums, all within 64 units of the largest logit.
fn assert_same(ours: &[f32], theirs: &[f32]) {
    let largest = theirs.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
    let bound = 64.0 * f32::EPSILON * largest;
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= bound, "{a} and {b} differ by more than {bound}");
    }
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
        assert_same(&logits(&ours, &ids), &logits(&theirs, &ids));
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
