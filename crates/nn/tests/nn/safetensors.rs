//! The safetensors reader against files that are right, broken, and lying.

use proptest::prelude::*;
use ulp_nn::{Dtype, NnError, SafeTensors, SafeTensorsWriter};
use ulp_tensor::ndarray::{Array, ArrayD, IxDyn, array};

fn file_of(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn refusal(header: &str, data: &[u8]) -> NnError {
    SafeTensors::parse(&file_of(header, data), "f").expect_err("the file is broken")
}

fn sample() -> Vec<u8> {
    let a = array![[1.0_f32, 2.0], [3.0, 4.0]];
    let empty = ArrayD::<f32>::zeros(IxDyn(&[0, 3]));
    let scalar = ArrayD::<f64>::from_elem(IxDyn(&[]), 0.1);
    let mut writer = SafeTensorsWriter::new();
    writer.metadata("format", "pt");
    writer.array("a", Dtype::F32, a.t().into_dyn());
    writer.array("empty", Dtype::F32, empty.view());
    writer.array_f64("scalar", scalar.view());
    writer.bytes("ids", Dtype::U32, &[2], 7_u64.to_le_bytes().to_vec());
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes).expect("a Vec takes every byte");
    bytes
}

#[test]
fn what_was_written_is_read_back() {
    let bytes = sample();
    let file = SafeTensors::parse(&bytes, "f").expect("our own file");
    assert_eq!(file.header().metadata()["format"], "pt");
    let names: Vec<_> = file.tensors().map(|tensor| tensor.name().to_owned()).collect();
    assert_eq!(names, ["a", "empty", "scalar", "ids"]);
    let a = file.required("a").and_then(|a| a.to_f32()).expect("f32");
    assert_eq!(a, array![[1.0, 3.0], [2.0, 4.0]].into_dyn());
    assert_eq!(file.tensor("scalar").map(|s| s.to_f64().expect("f64")[[]]), Some(0.1));
    let ids = file.required("ids").and_then(|ids| ids.to_i64()).expect("integers");
    assert_eq!(ids, array![7, 0].into_dyn());
    let start = file.header().tensors()[0].range().start;
    assert_eq!(start % 8, 0, "data starts at a multiple of eight");
    assert!(matches!(file.required("b"), Err(NnError::MissingTensor { .. })));
}

#[test]
fn every_16_bit_pattern_is_read_exactly() {
    let patterns: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let mut writer = SafeTensorsWriter::new();
    writer.bytes("f16", Dtype::F16, &[65536], &patterns);
    writer.bytes("bf16", Dtype::Bf16, &[65536], &patterns);
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes).expect("a Vec takes every byte");
    let file = SafeTensors::parse(&bytes, "f").expect("our own file");
    for (name, dtype) in [("f16", Dtype::F16), ("bf16", Dtype::Bf16)] {
        let values = file.required(name).and_then(|t| t.to_f32()).expect("floats");
        let mut again = SafeTensorsWriter::new();
        again.array(name, dtype, values.view());
        let mut out = Vec::new();
        again.write_to(&mut out).expect("a Vec takes every byte");
        let back = SafeTensors::parse(&out, "f").expect("our own file");
        let data = back.required(name).expect("written above").data().to_vec();
        for (pattern, value) in data.chunks(2).zip(patterns.chunks(2)).zip(values.iter()) {
            // A NaN may come back quiet; every number comes back as it was.
            assert!(pattern.0 == pattern.1 || value.is_nan(), "{name} {pattern:?}");
        }
    }
}

#[test]
fn lying_headers_are_refused_by_name() {
    let f32s = |begin: u64, end: u64, shape: &str| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    let one = |entry: &str| format!(r#"{{"w":{entry}}}"#);
    let invalid = |error| matches!(error, NnError::InvalidValue { .. });

    assert!(invalid(refusal(&one(&f32s(0, 8, "[3]")), &[0; 8])), "length against shape");
    assert!(invalid(refusal(&one(&f32s(8, 0, "[2]")), &[0; 8])), "end before start");
    assert!(invalid(refusal(&one(&f32s(4, 8, "[1]")), &[0; 8])), "a hole at the start");
    assert!(invalid(refusal(&one(&f32s(0, 4, "[1]")), &[0; 8])), "bytes left over");
    let huge = "[4294967296,4294967296,4294967296]";
    assert!(invalid(refusal(&one(&f32s(0, 0, huge)), &[])), "the size overflows");
    let hidden = "[0,4294967296,4294967296,4294967296]";
    assert!(invalid(refusal(&one(&f32s(0, 0, hidden)), &[])), "an overflow behind a zero");
    let overlap = format!(r#"{{"a":{},"b":{}}}"#, f32s(0, 8, "[2]"), f32s(4, 12, "[2]"));
    assert!(invalid(refusal(&overlap, &[0; 12])), "an overlap");

    let past = refusal(&one(&f32s(0, 8, "[2]")), &[0; 4]);
    assert!(matches!(past, NnError::Truncated { needed: 8, available: 4, .. }), "{past}");
    let dtype = refusal(r#"{"w":{"dtype":"F7","shape":[],"data_offsets":[0,0]}}"#, &[]);
    assert!(matches!(dtype, NnError::Unsupported { .. }), "{dtype}");
    let twice = format!(r#"{{"w":{},"w":{}}}"#, f32s(0, 4, "[1]"), f32s(0, 4, "[1]"));
    assert!(matches!(refusal(&twice, &[0; 4]), NnError::Json { offset: 8, .. }));

    let mut claim = u64::MAX.to_le_bytes().to_vec();
    assert!(invalid(SafeTensors::parse(&claim, "f").expect_err("a header of 2^64 bytes")));
    claim[1..].fill(0);
    let short = SafeTensors::parse(&claim, "f").expect_err("a header of 255 bytes");
    assert!(matches!(short, NnError::Truncated { offset: 8, needed: 255, available: 0, .. }));
}

proptest! {
    #[test]
    fn a_truncated_file_is_refused(cut in 0_usize..1000) {
        let bytes = sample();
        prop_assume!(cut < bytes.len());
        prop_assert!(SafeTensors::parse(&bytes[..cut], "f").is_err());
    }

    #[test]
    fn a_flipped_bit_never_panics(position in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut bytes = sample();
        let position = position.index(bytes.len());
        bytes[position] ^= 1 << bit;
        if let Ok(file) = SafeTensors::parse(&bytes, "f") {
            for tensor in file.tensors() {
                let elements = tensor.shape().iter().product::<usize>();
                prop_assert_eq!(tensor.data().len(), elements * tensor.dtype().size());
                let _ = (tensor.to_f32(), tensor.to_f64(), tensor.to_i64());
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SafeTensors::parse(&bytes, "f");
        let _ = SafeTensors::parse(&file_of(&String::from_utf8_lossy(&bytes), &[]), "f");
    }

    #[test]
    fn any_f32_array_survives(shape in prop::collection::vec(0_usize..5, 0..4), seed in any::<u32>()) {
        let count = shape.iter().product::<usize>() as u32;
        let values = (0..count).map(|i| f32::from_bits(seed.wrapping_add(i.wrapping_mul(2654435761))));
        let array = Array::from_shape_vec(IxDyn(&shape), values.collect()).expect("count fits");
        let mut writer = SafeTensorsWriter::new();
        writer.array("w", Dtype::F32, array.view());
        let mut bytes = Vec::new();
        writer.write_to(&mut bytes).expect("a Vec takes every byte");
        let file = SafeTensors::parse(&bytes, "f").expect("our own file");
        let back = file.required("w").and_then(|w| w.to_f32()).expect("f32");
        prop_assert_eq!(back.shape(), array.shape());
        prop_assert!(back.iter().zip(&array).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
