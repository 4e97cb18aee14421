//! A model small enough for a debug build.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ulp_infer::{Activations, ChatTemplate, EngineOptions, Model, train_byte_bpe};
use ulp_nn::{ArrayX, Llama, LlamaConfig};
use ulp_serve::ServedModel;

const TEMPLATE: &str = "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] \
    %}{{ raise_exception('no such role') }}{% endif %}<{{ m.role }}>{{ m.content }}\n\
    {% endfor %}<assistant>";

/// Random weights, a token for each byte, 256 for the end of a text.
pub(crate) fn served_model(context: usize) -> ServedModel {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("ulp-serve-{}-{count}", std::process::id()));
    let config = format!(
        r#"{{"model_type": "llama", "vocab_size": 257, "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-5, "max_position_embeddings": {context},
            "initializer_range": 0.3, "tie_word_embeddings": true}}"#
    );
    let config = LlamaConfig::parse(config.as_bytes(), "tiny").unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    Llama::<ArrayX<f32>>::new(config, 7).save_dir(&folder).unwrap();
    let model = Model::load(&folder).unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let tokenizer = train_byte_bpe([""], 257, &["<|end|>"]).unwrap();
    let end = tokenizer.token_id("<|end|>");
    ServedModel {
        names: vec!["tiny".to_string(), "alias/of-tiny".to_string()],
        model: Arc::new(model),
        tokenizer: Arc::new(tokenizer.with_bos_eos(None, end, false)),
        template: Some(ChatTemplate::new(TEMPLATE.to_string()).unwrap()),
        adapters: Vec::new(),
        engine: EngineOptions {
            activations: Activations::Exact,
            cache: 8 * context,
            ..EngineOptions::default()
        },
    }
}
