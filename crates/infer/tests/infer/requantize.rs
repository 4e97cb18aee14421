//! Models in another weight format: what of the input cannot be written as it is.

use ulp_infer::{
    Bytes, Gguf, GgufWriter, InferError, Mix, TensorReport, TensorType, Value, quantize, requantize,
};

const WEIGHT: &str = "blk.0.attn_q.weight";

/// A file of one matrix, with what a recipe asks for.
fn file(weight: &[f32], more: &[(&str, Value)]) -> Vec<u8> {
    let mut writer = GgufWriter::new();
    writer.set("general.architecture", "llama");
    writer.set("llama.block_count", 1u32);
    writer.set("llama.attention.head_count", 1u32);
    for (key, value) in more {
        writer.set(key, value.clone());
    }
    let bytes = quantize(TensorType::F32, weight).unwrap();
    writer.tensor(WEIGHT, &[weight.len() / 32, 32], TensorType::F32, bytes);
    let mut file = Vec::new();
    writer.write_to(&mut file).unwrap();
    file
}

fn requantized(file: Vec<u8>, mix: &str) -> Result<(Vec<u8>, Vec<TensorReport>), InferError> {
    let gguf = Gguf::parse(Bytes::from(file), "model.gguf")?;
    let mix: Mix = mix.parse().unwrap();
    let mut reports = Vec::new();
    let writer = requantize(&gguf, mix, None, |report| reports.push(report.clone()))?;
    let mut file = Vec::new();
    writer.write_to(&mut file).unwrap();
    Ok((file, reports))
}

/// Other writers store it in other types of integers; the writer of this crate would not.
#[test]
fn an_alignment_of_any_type_is_written_as_the_usual_one() {
    let mut bytes = file(&[0.5; 64], &[("general.alignmenx", Value::U64(16))]);
    let at = bytes.windows(17).position(|w| w == b"general.alignmenx").unwrap();
    bytes[at + 16] = b't';
    let (written, _) = requantized(bytes, "Q8_0").unwrap();
    let gguf = Gguf::parse(Bytes::from(written), "written").unwrap();
    assert!(matches!(gguf.get("general.alignment"), Some(Value::U32(16))));
    assert!((gguf.matrix(WEIGHT, 2, 32).unwrap().row(1)[0] - 0.5).abs() < 0.001);
}

#[test]
fn weights_that_are_not_finite_are_refused_or_shown() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut weight = vec![1.0; 256];
        (weight[71], weight[100]) = (bad, bad);
        for mix in ["Q8_0", "Q4_0", "Q4_K_M"] {
            match requantized(file(&weight, &[]), mix) {
                Err(InferError::NonFiniteWeight { file, tensor, element, value }) => {
                    assert_eq!((&*file, &*tensor, element), ("model.gguf", WEIGHT, 71), "{mix}");
                    assert_eq!(value.to_bits(), bad.to_bits());
                }
                other => panic!("{mix}: {other:?}"),
            }
        }
        for mix in ["F16", "BF16"] {
            let (_, reports) = requantized(file(&weight, &[]), mix).unwrap();
            assert!(reports[0].error.is_nan(), "{mix}: {reports:?}");
        }
    }
}
