//! Directories that are incomplete, damaged or lie: a typed error, never a panic.

use std::path::Path;

use crate::test_models::{Scratch, tiny_config};
use proptest::prelude::*;
use ulp_infer::{Activations, InferError, Model, score};
use ulp_nn::{ArrayX, Dtype, Llama, Module, NnError, SafeTensorsWriter};

/// A directory with a sound random model.
fn sound(name: &str) -> Scratch {
    let folder = Scratch::new(name);
    Llama::<ArrayX<f32>>::new(tiny_config(64), 1).save_dir(&folder.0).unwrap();
    assert!(Model::load(&folder.0).is_ok());
    folder
}

fn load(folder: &Path) -> InferError {
    Model::load(folder).expect_err("the directory is wrong")
}

/// Writes `config.json` anew with one field changed.
fn set(folder: &Path, field: &str, value: serde_json::Value) {
    let path = folder.join("config.json");
    let mut config = crate::test_models::json(&path);
    config[field] = value;
    std::fs::write(path, config.to_string()).unwrap();
}

#[test]
fn missing_files_are_named() {
    let folder = Scratch::new("missing");
    let missing = |file: &str| {
        let error = load(&folder.0);
        // `config.json` is read by this crate, the weights are mapped.
        matches!(&error, InferError::Io { path, .. } if path.ends_with(file)) || panic!("{error}")
    };
    missing("config.json");
    let whole = sound("missing-from");
    std::fs::copy(whole.0.join("config.json"), folder.0.join("config.json")).unwrap();
    missing("model.safetensors");
    assert!(matches!(load(&folder.0.join("nowhere")), InferError::Io { .. }));
    let shard = "model-00001-of-00002.safetensors";
    let index = format!(r#"{{"weight_map": {{"model.norm.weight": "{shard}"}}}}"#);
    std::fs::write(folder.0.join("model.safetensors.index.json"), index).unwrap();
    missing(shard);
}

#[test]
fn an_index_cannot_lead_out_or_lie() {
    let folder = sound("index");
    let index = folder.0.join("model.safetensors.index.json");
    for name in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "", ".."] {
        let map = serde_json::json!({"weight_map": {"model.norm.weight": name}});
        std::fs::write(&index, map.to_string()).unwrap();
        let error = load(&folder.0);
        assert!(
            matches!(&error, InferError::Files(e) if matches!(&**e,
                NnError::InvalidValue { field, .. } if field == "weight_map.model.norm.weight")),
            "{name:?}: {error}"
        );
    }
    let map = serde_json::json!({"weight_map": {"no.such.tensor": "model.safetensors"}});
    std::fs::write(&index, map.to_string()).unwrap();
    let error = load(&folder.0);
    assert!(
        matches!(&error, InferError::MissingTensor { file, tensor }
            if file.ends_with("model.safetensors") && tensor == "no.such.tensor"),
        "{error}"
    );
    std::fs::write(&index, "{").unwrap();
    assert!(matches!(load(&folder.0), InferError::Files(_)));
}

#[test]
fn a_configuration_that_the_weights_do_not_bear_out_is_refused() {
    let shape = |tensor: &'static str| move |e: &InferError| matches!(e, InferError::ShapeMismatch { tensor: t, .. } if t == tensor);
    let invalid = |e: &InferError| matches!(e, InferError::InvalidConfig { .. });
    let wrong_type = |e: &InferError| matches!(e, InferError::WrongType { .. });
    let unsupported = |e: &InferError| {
        matches!(
            e,
            InferError::UnsupportedFeature { .. } | InferError::UnsupportedArchitecture { .. }
        )
    };
    type Check<'a> = &'a dyn Fn(&InferError) -> bool;
    let cases: [(&str, serde_json::Value, Check<'_>); 12] = [
        ("vocab_size", 258.into(), &shape("model.embed_tokens.weight")),
        ("hidden_size", 64.into(), &shape("model.embed_tokens.weight")),
        ("intermediate_size", 47.into(), &shape("model.layers.0.mlp.gate_proj.weight")),
        ("head_dim", 1_000_000_000.into(), &|e| {
            matches!(e, InferError::ShapeMismatch { .. } | InferError::InvalidConfig { .. })
        }),
        ("num_hidden_layers", 2_000_000_000.into(), &|e| {
            matches!(e, InferError::MissingTensor { tensor, .. }
                if tensor == "model.layers.2.input_layernorm.weight")
        }),
        ("num_hidden_layers", 1.into(), &|e| {
            matches!(e, InferError::UnexpectedTensor { tensor, .. }
                if tensor == "model.layers.1.input_layernorm.weight")
        }),
        (
            "tie_word_embeddings",
            false.into(),
            &|e| matches!(e, InferError::MissingTensor { tensor, .. } if tensor == "lm_head.weight"),
        ),
        ("num_attention_heads", 0.into(), &invalid),
        ("num_key_value_heads", 3.into(), &invalid),
        ("rms_norm_eps", "small".into(), &wrong_type),
        ("hidden_act", "relu".into(), &unsupported),
        ("model_type", "mamba".into(), &unsupported),
    ];
    for (field, value, expected) in cases {
        let folder = sound("lies");
        set(&folder.0, field, value.clone());
        let error = load(&folder.0);
        assert!(expected(&error), "{field} = {value}: {error}");
        let text = error.to_string();
        assert!(text.contains("ulp-infer-"), "the error names its file: {text}");
    }
}

#[test]
fn weights_come_in_three_types() {
    let folder = sound("dtype");
    let file = folder.0.join("model.safetensors");
    let wide = Llama::<ArrayX<f64>>::load_dir(&folder.0).unwrap().to_safetensors();
    let model = Llama::<ArrayX<f32>>::load_dir(&folder.0).unwrap();
    for dtype in [Dtype::F16, Dtype::Bf16] {
        let mut writer = SafeTensorsWriter::new();
        model.visit(|path, p| {
            writer.array(path, dtype, p.view().into_dyn());
        });
        let mut bytes = Vec::new();
        writer.write_to(&mut bytes).unwrap();
        std::fs::write(&file, bytes).unwrap();
        assert!(Model::load(&folder.0).is_ok(), "{dtype:?}");
    }
    std::fs::write(&file, wide).unwrap();
    let error = load(&folder.0);
    assert!(
        matches!(&error, InferError::UnsupportedTensorType { tensor, ty, .. }
            if tensor == "model.embed_tokens.weight" && ty == "F64"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any bytes changed, or the end cut off: an error, or a model that runs.
    #[test]
    fn damaged_files_do_not_panic(
        weights in any::<bool>(),
        flips in prop::collection::vec((0usize..1 << 16, any::<u8>()), 0..4),
        cut in prop::option::of(0usize..1 << 16),
    ) {
        let folder = sound("damaged");
        let path = folder.0.join(if weights { "model.safetensors" } else { "config.json" });
        let mut bytes = std::fs::read(&path).unwrap();
        // Mostly in the header, where damage is of consequence.
        let len = bytes.len().min(4096);
        for (at, byte) in flips {
            bytes[at % len] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % len);
        }
        std::fs::write(&path, bytes).unwrap();
        match Model::load(&folder.0) {
            Ok(model) => {
                // Weights may have become NaN, or the context too short: errors as well.
                let _ = score(&model, &[0, 1], Activations::Exact, 1);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
