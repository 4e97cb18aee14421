//! A small model file to damage.

use ulp_infer::{Array, GgufWriter, TensorType, quantize};

const VOCABULARY: usize = 24;

/// A model of one layer, C = 32, F = 64, with every type of metadata and several of weights.
pub(crate) fn small_gguf() -> Vec<u8> {
    let mut writer = GgufWriter::new();
    writer.set("general.architecture", "llama");
    for (key, value) in [
        ("context_length", 64u32),
        ("embedding_length", 32),
        ("block_count", 1),
        ("feed_forward_length", 64),
        ("attention.head_count", 4),
        ("attention.head_count_kv", 2),
        ("rope.dimension_count", 8),
    ] {
        writer.set(&format!("llama.{key}"), value);
    }
    writer.set("llama.attention.layer_norm_rms_epsilon", 1e-5f32);
    writer.set("llama.rope.freq_base", 10_000.0f64);
    let tokens: Vec<String> = (0..VOCABULARY).map(|i| format!("<{i}>")).collect();
    writer.set("tokenizer.ggml.model", "llama");
    writer.set("tokenizer.ggml.tokens", tokens.iter().map(String::as_str).collect::<Array>());
    writer.set("tokenizer.ggml.scores", vec![0.5f32; VOCABULARY].into_iter().collect::<Array>());
    writer.set("tokenizer.ggml.token_type", vec![1i32; VOCABULARY].into_iter().collect::<Array>());
    let inner: [Array; 2] = [[1u8, 2].into_iter().collect(), [3u16].into_iter().collect()];
    writer.set("test.nested", inner.into_iter().collect::<Array>());
    writer.set("test.bool", true);
    writer.set("test.small", -1i8);
    let mut tensor = |name: &str, shape: &[usize], ty: TensorType| {
        let x: Vec<f32> =
            (0..shape.iter().product()).map(|i: usize| (i % 17) as f32 / 16.0 - 0.5).collect();
        writer.tensor(&format!("{name}.weight"), shape, ty, quantize(ty, &x).unwrap());
    };
    tensor("token_embd", &[VOCABULARY, 32], TensorType::Q8_0);
    tensor("output_norm", &[32], TensorType::F32);
    tensor("blk.0.attn_norm", &[32], TensorType::F32);
    tensor("blk.0.attn_q", &[32, 32], TensorType::Q4_0);
    tensor("blk.0.attn_k", &[16, 32], TensorType::Q4_1);
    tensor("blk.0.attn_v", &[16, 32], TensorType::F16);
    tensor("blk.0.attn_output", &[32, 32], TensorType::BF16);
    tensor("blk.0.ffn_norm", &[32], TensorType::F32);
    tensor("blk.0.ffn_gate", &[64, 32], TensorType::Q5_0);
    tensor("blk.0.ffn_up", &[64, 32], TensorType::Q5_1);
    tensor("blk.0.ffn_down", &[32, 64], TensorType::F32);
    let mut file = Vec::new();
    writer.write_to(&mut file).unwrap();
    file
}
