//! What the writer writes, the reader reads; and so does the reference reader, if it is there.

use std::process::Command;

use ulp_infer::{Array, Bytes, Gguf, GgufWriter, TensorType, Value, quantize};

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 16.0).collect()
}

/// Every value type, and tensors whose sizes are no multiples of the alignment.
fn writer() -> GgufWriter<'static> {
    let mut writer = GgufWriter::new();
    writer.set("general.architecture", "llama");
    writer.set("a.u8", 1u8);
    writer.set("a.i8", -1i8);
    writer.set("a.u16", 2u16);
    writer.set("a.i16", -2i16);
    writer.set("a.u32", 3u32);
    writer.set("a.i32", -3i32);
    writer.set("a.f32", 0.5f32);
    writer.set("a.bool", true);
    writer.set("a.u64", 4u64);
    writer.set("a.i64", -4i64);
    writer.set("a.f64", 0.25f64);
    writer.set("b.strings", ["", "ä", "three"].into_iter().collect::<Array>());
    writer.set("b.floats", [1.5f32, -2.5].into_iter().collect::<Array>());
    writer.set("b.integers", [-1i32, 7].into_iter().collect::<Array>());
    writer.set("b.bools", [true, false].into_iter().collect::<Array>());
    writer.set("b.empty", Vec::<u32>::new().into_iter().collect::<Array>());
    let inner: [Array; 2] = [[1u8, 2].into_iter().collect(), [3u8].into_iter().collect()];
    writer.set("b.arrays", inner.into_iter().collect::<Array>());
    writer.set("a.u32", 5u32);
    for (ty, shape) in [
        (TensorType::F32, vec![3]),
        (TensorType::F16, vec![5, 7]),
        (TensorType::Q8_0, vec![3, 32]),
        (TensorType::Q4_0, vec![3, 64]),
        (TensorType::Q4_1, vec![2, 3, 32]),
        (TensorType::BF16, vec![0, 4]),
    ] {
        let bytes = quantize(ty, &numbers(shape.iter().product())).unwrap();
        writer.tensor(&format!("{ty}.weight"), &shape, ty, bytes);
    }
    writer
}

#[test]
fn what_is_written_is_read() {
    let mut file = Vec::new();
    writer().write_to(&mut file).unwrap();
    let gguf = Gguf::parse(Bytes::from(file), "memory").unwrap();
    assert_eq!(gguf.str("general.architecture").unwrap(), "llama");
    assert!(matches!(gguf.get("a.u8"), Some(Value::U8(1))));
    assert!(matches!(gguf.get("a.i8"), Some(Value::I8(-1))));
    assert!(matches!(gguf.get("a.u16"), Some(Value::U16(2))));
    assert!(matches!(gguf.get("a.i16"), Some(Value::I16(-2))));
    assert!(matches!(gguf.get("a.u32"), Some(Value::U32(5))));
    assert!(matches!(gguf.get("a.i32"), Some(Value::I32(-3))));
    assert!(matches!(gguf.get("a.f32"), Some(Value::F32(0.5))));
    assert!(matches!(gguf.get("a.bool"), Some(Value::Bool(true))));
    assert!(matches!(gguf.get("a.u64"), Some(Value::U64(4))));
    assert!(matches!(gguf.get("a.i64"), Some(Value::I64(-4))));
    assert!(matches!(gguf.get("a.f64"), Some(Value::F64(0.25))));
    assert_eq!(gguf.strings("b.strings").unwrap(), ["", "ä", "three"]);
    assert_eq!(gguf.f32s("b.floats").unwrap(), [1.5, -2.5]);
    assert_eq!(gguf.i64s("b.integers").unwrap(), [-1, 7]);
    assert_eq!(gguf.array("b.bools").unwrap().to_bools().unwrap(), [true, false]);
    assert!(gguf.array("b.empty").unwrap().is_empty());
    let arrays = gguf.array("b.arrays").unwrap().to_arrays().unwrap();
    let arrays: Vec<_> = arrays.iter().map(|a| a.to_u64s().unwrap()).collect();
    assert_eq!(arrays, [vec![1, 2], vec![3]]);
    assert_eq!(gguf.tensors().len(), 6);
    for tensor in gguf.tensors() {
        let expected = quantize(tensor.ty, &numbers(tensor.elements())).unwrap();
        assert_eq!(&gguf.data(tensor)[..], expected, "{}", tensor.name);
        assert_eq!(tensor.offset % 32, 0);
    }
    assert_eq!(gguf.tensor("Q4_1.weight").unwrap().shape, [2, 3, 32]);
}

#[test]
fn another_alignment_is_kept() {
    let mut writer = writer();
    writer.set("general.alignment", 4096u32);
    let mut file = Vec::new();
    writer.write_to(&mut file).unwrap();
    let gguf = Gguf::parse(Bytes::from(file), "memory").unwrap();
    assert!(gguf.tensors().iter().all(|tensor| tensor.offset % 4096 == 0));
}

#[test]
fn the_reference_reader_reads_it() {
    let python = std::env::var_os("ULP_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let has_gguf = Command::new(&python).args(["-c", "import gguf"]).output();
    if !has_gguf.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} has no module gguf (set ULP_TEST_PYTHON)", python.display());
        return;
    }
    let path = std::env::temp_dir().join(format!("ulp-round-trip-{}.gguf", std::process::id()));
    writer().write_to_file(&path).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/read_gguf.py");
    let output = Command::new(&python).arg(script).arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
