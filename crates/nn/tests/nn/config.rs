//! `config.json` in both layouts, its refusals, and rotary frequencies against transformers' own.

use proptest::prelude::*;
use serde_json::{Value, json};
use ulp_nn::{LlamaConfig, NnError, RopeScaling};

fn base() -> Value {
    json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
    })
}

fn parse(value: &Value) -> Result<LlamaConfig, NnError> {
    LlamaConfig::parse(value.to_string().as_bytes(), "config.json")
}

fn with(field: &str, value: Value) -> Result<LlamaConfig, NnError> {
    let mut config = base();
    config[field] = value;
    parse(&config)
}

#[test]
fn rope_frequencies_are_those_of_transformers() {
    let golden = include_str!("../golden/rope_frequencies.json");
    let cases: Vec<Value> = serde_json::from_str(golden).expect("the committed golden file");
    assert_eq!(cases.len(), 15);
    for case in &cases {
        let ours = parse(&case["config"]).expect("a config.json").rope_inverse_frequencies();
        let theirs = case["bits"].as_array().expect("an array");
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            let theirs = f32::from_bits(theirs.as_u64().expect("bits") as u32);
            // Their f32 power may be one ulp off the rounded one; the reciprocal turns that into
            // at most two ulp (across a power of two), and the blend of llama3 keeps it there.
            let distance = fpbits::ulp_distance(*ours, theirs);
            assert!(distance <= 2, "{ours} {theirs} {distance} ulp: {}", case["config"]);
        }
    }
}

#[test]
fn both_layouts_say_the_same() {
    let mut old = base();
    old["rope_theta"] = json!(5e5);
    old["rope_scaling"] = json!({"type": "linear", "factor": 2.0});
    let mut new = base();
    new["rope_parameters"] = json!({"rope_type": "linear", "factor": 2.0, "rope_theta": 5e5});
    let old = parse(&old).expect("the old layout");
    assert_eq!(old, parse(&new).expect("the new layout"));
    assert_eq!(old.rope_scaling, RopeScaling::Linear { factor: 2.0 });
    assert_eq!(old.rope_theta, 5e5);
}

#[test]
fn what_is_written_is_read_back() {
    for (field, value) in [
        ("head_dim", json!(8)),
        ("head_dim", Value::Null),
        ("eos_token_id", json!([3, 4])),
        ("eos_token_id", Value::Null),
        ("bos_token_id", Value::Null),
        ("tie_word_embeddings", json!(true)),
        ("attention_bias", json!(true)),
        ("mlp_bias", json!(true)),
        (
            "rope_scaling",
            json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 32}),
        ),
    ] {
        let config = with(field, value).expect(field);
        let again = LlamaConfig::parse(config.to_json().as_bytes(), "config.json");
        assert_eq!(again.expect("our own file"), config);
    }
}

#[test]
fn the_families_differ_in_their_biases() {
    let qwen = with("model_type", json!("qwen2")).expect("qwen2");
    assert!(qwen.qkv_bias() && !qwen.output_bias());
    let llama = with("attention_bias", json!(true)).expect("llama");
    assert!(llama.qkv_bias() && llama.output_bias());
    let mistral = with("model_type", json!("mistral")).expect("mistral");
    assert!(!mistral.qkv_bias() && !mistral.output_bias());
}

#[test]
fn the_parameter_count_is_the_sum_of_the_shapes() {
    let config = parse(&base()).expect("the base");
    let layer = 2 * 16 + 16 * 16 + 2 * (8 * 16) + 16 * 16 + 3 * 24 * 16;
    assert_eq!(config.parameter_count(), 2 * 32 * 16 + 2 * layer + 16);
}

#[test]
fn other_graphs_are_refused_by_field() {
    for (name, value) in [
        ("model_type", json!("gemma")),
        ("hidden_act", json!("gelu")),
        ("partial_rotary_factor", json!(0.5)),
        ("layer_types", json!(["sliding_attention"])),
        ("quantization_config", json!({"bits": 4})),
    ] {
        match with(name, value) {
            Err(NnError::Unsupported { field, .. }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    for kind in ["yarn", "dynamic", "longrope"] {
        let refused = with("rope_scaling", json!({"rope_type": kind, "factor": 2.0}));
        assert!(matches!(refused, Err(NnError::Unsupported { .. })), "{kind}: {refused:?}");
    }
    let mut mistral = base();
    mistral["model_type"] = json!("mistral");
    mistral["sliding_window"] = json!(16);
    assert!(matches!(parse(&mistral), Err(NnError::Unsupported { .. })));
}

#[test]
fn impossible_values_are_refused_by_field() {
    for (name, value) in [
        ("vocab_size", json!(0)),
        ("num_hidden_layers", json!(1_u64 << 31)),
        ("num_attention_heads", json!(0)),
        ("num_attention_heads", json!(3)),
        ("num_key_value_heads", json!(3)),
        ("head_dim", json!(7)),
        ("rms_norm_eps", json!(-1.0)),
        ("rope_theta", json!(0.0)),
    ] {
        match with(name, value) {
            Err(NnError::InvalidValue { field, .. }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(matches!(with("vocab_size", json!("32")), Err(NnError::WrongType { .. })));
    assert!(matches!(with("vocab_size", Value::Null), Err(NnError::MissingField { .. })));
    assert!(matches!(with("vocab_size", json!(1.5)), Err(NnError::WrongType { .. })));
}

proptest! {
    #[test]
    fn any_numbers_give_a_config_or_an_error(
        field in prop::sample::select(vec![
            "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "head_dim",
            "num_attention_heads", "num_key_value_heads", "max_position_embeddings",
            "rms_norm_eps", "rope_theta", "bos_token_id", "eos_token_id", "tie_word_embeddings",
        ]),
        number in any::<i64>(),
    ) {
        if let Ok(config) = with(field, json!(number)) {
            prop_assert!(config.parameter_count() > 0);
        }
    }

    #[test]
    fn any_bytes_give_a_config_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = LlamaConfig::parse(&bytes, "config.json");
    }
}
