//! A model small enough for a debug build.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ulp_infer::{
    Activations, ChatTemplate, EngineOptions, HfDirectory, LoraAdapter, MachineLimits, Model,
    ModelPlan, train_byte_bpe,
};
use ulp_nn::{ArrayX, Dtype, Llama, LlamaConfig, SafeTensorsWriter};
use ulp_serve::{Ceiling, ServedModel};
use ulp_tensor::Philox;
use ulp_tensor::ndarray::Array2;

const TEMPLATE: &str = "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] \
    %}{{ raise_exception('no such role') }}{% endif %}<{{ m.role }}>{{ m.content }}\n\
    {% endfor %}<assistant>";

/// A folder that no other test has.
fn scratch() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("ulp-serve-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// An adapter of rank 2 of the values of the first layer, by way of files as PEFT writes them.
pub(crate) fn adapter(model: &Model, seed: u64) -> Arc<LoraAdapter> {
    let folder = scratch();
    let random = |stream, rows, cols| {
        let random = Philox::new(seed, stream);
        Array2::from_shape_fn((rows, cols), |(i, j)| random.normal::<f32>((i * cols + j) as u64))
    };
    let (a, b) = (random(0, 2, 32).into_dyn(), random(1, 16, 2).into_dyn());
    let stem = "base_model.model.model.layers.0.self_attn.v_proj";
    let mut writer = SafeTensorsWriter::new();
    writer.array(&format!("{stem}.lora_A.weight"), Dtype::F32, a.view());
    writer.array(&format!("{stem}.lora_B.weight"), Dtype::F32, b.view());
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes).unwrap();
    std::fs::write(folder.join("adapter_model.safetensors"), bytes).unwrap();
    let config = r#"{"peft_type": "LORA", "r": 2, "lora_alpha": 4}"#;
    std::fs::write(folder.join("adapter_config.json"), config).unwrap();
    let adapter = LoraAdapter::load(&folder, model).unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    Arc::new(adapter)
}

/// Random weights, a token for each byte, 256 for the end of a text.
pub(crate) fn served_model(context: usize) -> ServedModel {
    let folder = scratch();
    let config = format!(
        r#"{{"model_type": "llama", "vocab_size": 257, "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-5, "max_position_embeddings": {context},
            "initializer_range": 0.3, "tie_word_embeddings": true}}"#
    );
    let config = LlamaConfig::parse(config.as_bytes(), "tiny").unwrap();
    Llama::<ArrayX<f32>>::new(config, 7).save_dir(&folder).unwrap();
    let model = Model::load(&folder).unwrap();
    let plan = ModelPlan::from_hugging_face(&HfDirectory::open(&folder).unwrap()).unwrap();
    // Of a machine that never was.
    let limits = MachineLimits {
        threads: 1,
        read_bytes: 1e9,
        int8_operations: 1e9,
        f32_operations: 1e9,
        bf16_operations: 1e9,
    };
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
        ceiling: Some(Ceiling { plan, limits }),
    }
}
