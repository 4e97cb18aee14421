//! Metadata values as bytes, and arrays made of Rust values.

use super::value::{Array, Value, ValueType};
use crate::bytes::Bytes;

impl Value {
    /// Appends the value as it stands in a file, after its type.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Value::U8(v) => out.extend(v.to_le_bytes()),
            Value::I8(v) => out.extend(v.to_le_bytes()),
            Value::U16(v) => out.extend(v.to_le_bytes()),
            Value::I16(v) => out.extend(v.to_le_bytes()),
            Value::U32(v) => out.extend(v.to_le_bytes()),
            Value::I32(v) => out.extend(v.to_le_bytes()),
            Value::F32(v) => out.extend(v.to_le_bytes()),
            Value::U64(v) => out.extend(v.to_le_bytes()),
            Value::I64(v) => out.extend(v.to_le_bytes()),
            Value::F64(v) => out.extend(v.to_le_bytes()),
            Value::Bool(v) => out.push((*v).into()),
            Value::String(v) => encode_string(v.as_bytes(), out),
            Value::Array(v) => encode_array(v, out),
        }
    }
}

/// Length, then bytes.
pub(super) fn encode_string(string: &[u8], out: &mut Vec<u8>) {
    out.extend((string.len() as u64).to_le_bytes());
    out.extend(string);
}

/// Element type, length, then the elements without their types.
fn encode_array(array: &Array, out: &mut Vec<u8>) {
    out.extend(array.element_type().id().to_le_bytes());
    out.extend((array.len() as u64).to_le_bytes());
    out.extend(array.encoded());
}

/// Encodes elements one after the other.
fn collect<T>(
    element: ValueType,
    elements: impl IntoIterator<Item = T>,
    encode: impl Fn(T, &mut Vec<u8>),
) -> Array {
    let (mut len, mut bytes) = (0, Vec::new());
    for element in elements {
        encode(element, &mut bytes);
        len += 1;
    }
    Array::new(element, len, Bytes::from(bytes))
}

/// An array of a type can be collected from its values, and a value made from one.
macro_rules! number {
    ($($rust:ty, $variant:ident;)*) => {$(
        impl FromIterator<$rust> for Array {
            fn from_iter<I: IntoIterator<Item = $rust>>(elements: I) -> Self {
                collect(ValueType::$variant, elements, |v, out| out.extend(v.to_le_bytes()))
            }
        }

        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Value::$variant(value)
            }
        }
    )*};
}

number! {
    u8, U8;
    i8, I8;
    u16, U16;
    i16, I16;
    u32, U32;
    i32, I32;
    f32, F32;
    u64, U64;
    i64, I64;
    f64, F64;
}

impl FromIterator<bool> for Array {
    fn from_iter<I: IntoIterator<Item = bool>>(elements: I) -> Self {
        collect(ValueType::Bool, elements, |v, out| out.push(v.into()))
    }
}

impl<'a> FromIterator<&'a str> for Array {
    fn from_iter<I: IntoIterator<Item = &'a str>>(elements: I) -> Self {
        collect(ValueType::String, elements, |v, out| encode_string(v.as_bytes(), out))
    }
}

impl FromIterator<String> for Array {
    fn from_iter<I: IntoIterator<Item = String>>(elements: I) -> Self {
        collect(ValueType::String, elements, |v, out| encode_string(v.as_bytes(), out))
    }
}

/// Arrays in an array. (The format allows them; files in use have none.)
impl FromIterator<Array> for Array {
    fn from_iter<I: IntoIterator<Item = Array>>(elements: I) -> Self {
        collect(ValueType::Array, elements, |v, out| encode_array(&v, out))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.to_string())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value)
    }
}

impl From<Array> for Value {
    fn from(value: Array) -> Self {
        Value::Array(value)
    }
}
