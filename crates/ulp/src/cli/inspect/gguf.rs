//! GGUF files.

use super::listing::{Listing, TensorLine};
use serde_json::{Value as Json, json};
use ulp_infer::{Array, Gguf, Value, ValueType};

pub(super) fn list(gguf: &Gguf) -> Listing {
    let tensor = |t: &ulp_infer::TensorInfo| TensorLine {
        name: t.name.clone(),
        shape: t.shape.clone(),
        ty: t.ty.to_string(),
        bytes: t.bytes,
        file: None,
        offset: t.offset,
    };
    Listing {
        path: gguf.file().to_string(),
        kind: format!("GGUF version {}", gguf.version()),
        bytes: gguf.file_bytes() as u64,
        metadata: gguf.metadata().map(|(key, value)| (key.to_string(), as_json(value))).collect(),
        tensors: gguf.tensors().iter().map(tensor).collect(),
    }
}

fn as_json(value: &Value) -> Json {
    match value {
        Value::U8(v) => json!(v),
        Value::I8(v) => json!(v),
        Value::U16(v) => json!(v),
        Value::I16(v) => json!(v),
        Value::U32(v) => json!(v),
        Value::I32(v) => json!(v),
        Value::F32(v) => json!(v),
        Value::Bool(v) => json!(v),
        Value::String(v) => json!(v),
        Value::Array(v) => array_as_json(v),
        Value::U64(v) => json!(v),
        Value::I64(v) => json!(v),
        Value::F64(v) => json!(v),
    }
}

fn array_as_json(array: &Array) -> Json {
    match array.element_type() {
        ValueType::String => array
            .byte_strings()
            .into_iter()
            .flatten()
            .map(|bytes| json!(String::from_utf8_lossy(bytes)))
            .collect(),
        ValueType::Array => {
            array.to_arrays().into_iter().flatten().map(|a| array_as_json(&a)).collect()
        }
        ValueType::Bool => json!(array.to_bools()),
        ValueType::F32 | ValueType::F64 => json!(array.to_f32s()),
        ValueType::U64 => json!(array.to_u64s()),
        _ => json!(array.to_i64s()),
    }
}
