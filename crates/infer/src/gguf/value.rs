//! Metadata values of a GGUF file.

use crate::bytes::Bytes;

/// The type of a metadata value, by its number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each name is the Rust type it stands for.
pub enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

impl ValueType {
    const ALL: [ValueType; 13] = [
        ValueType::U8,
        ValueType::I8,
        ValueType::U16,
        ValueType::I16,
        ValueType::U32,
        ValueType::I32,
        ValueType::F32,
        ValueType::Bool,
        ValueType::String,
        ValueType::Array,
        ValueType::U64,
        ValueType::I64,
        ValueType::F64,
    ];

    /// The type with this number in files.
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(id).ok()?).copied()
    }

    /// The number of this type in files.
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// Bytes of one value; `None` where values differ in length (strings and arrays).
    pub const fn fixed_bytes(self) -> Option<usize> {
        match self {
            ValueType::U8 | ValueType::I8 | ValueType::Bool => Some(1),
            ValueType::U16 | ValueType::I16 => Some(2),
            ValueType::U32 | ValueType::I32 | ValueType::F32 => Some(4),
            ValueType::U64 | ValueType::I64 | ValueType::F64 => Some(8),
            ValueType::String | ValueType::Array => None,
        }
    }

    /// The name used in messages.
    pub const fn name(self) -> &'static str {
        match self {
            ValueType::U8 => "u8",
            ValueType::I8 => "i8",
            ValueType::U16 => "u16",
            ValueType::I16 => "i16",
            ValueType::U32 => "u32",
            ValueType::I32 => "i32",
            ValueType::F32 => "f32",
            ValueType::Bool => "bool",
            ValueType::String => "string",
            ValueType::Array => "array",
            ValueType::U64 => "u64",
            ValueType::I64 => "i64",
            ValueType::F64 => "f64",
        }
    }
}

/// A metadata value.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each variant is the Rust type it holds.
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(Array),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl Value {
    /// The type of this value.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Value::U8(_) => ValueType::U8,
            Value::I8(_) => ValueType::I8,
            Value::U16(_) => ValueType::U16,
            Value::I16(_) => ValueType::I16,
            Value::U32(_) => ValueType::U32,
            Value::I32(_) => ValueType::I32,
            Value::F32(_) => ValueType::F32,
            Value::Bool(_) => ValueType::Bool,
            Value::String(_) => ValueType::String,
            Value::Array(_) => ValueType::Array,
            Value::U64(_) => ValueType::U64,
            Value::I64(_) => ValueType::I64,
            Value::F64(_) => ValueType::F64,
        }
    }

    /// The value as an unsigned integer, from any integer type that holds a non-negative number:
    /// writers disagree on the width of a count.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::U8(v) => Some(v.into()),
            Value::U16(v) => Some(v.into()),
            Value::U32(v) => Some(v.into()),
            Value::U64(v) => Some(v),
            Value::I8(v) => v.try_into().ok(),
            Value::I16(v) => v.try_into().ok(),
            Value::I32(v) => v.try_into().ok(),
            Value::I64(v) => v.try_into().ok(),
            _ => None,
        }
    }

    /// The value as a number, from either float type.
    pub fn as_f32(&self) -> Option<f32> {
        match *self {
            Value::F32(v) => Some(v),
            Value::F64(v) => Some(v as f32),
            _ => None,
        }
    }

    /// The value as a truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(v) => Some(v),
            _ => None,
        }
    }

    /// The value as text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(v) => Some(v),
            _ => None,
        }
    }

    /// The value as an array.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Value::Array(v) => Some(v),
            _ => None,
        }
    }
}

/// An array value, left where it lies in the file: a vocabulary of 100,000 strings costs nothing
/// until it is read, and each element is decoded when the iterator reaches it.
///
/// The reader has walked the whole array once, so that lengths and element types are known good.
#[derive(Clone, Debug)]
pub struct Array {
    element: ValueType,
    len: usize,
    bytes: Bytes,
}

impl Array {
    /// An array over bytes that the reader has walked.
    pub(super) fn new(element: ValueType, len: usize, bytes: Bytes) -> Self {
        Array { element, len, bytes }
    }

    /// The type of the elements.
    pub const fn element_type(&self) -> ValueType {
        self.element
    }

    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True when there are no elements.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements as they lie in the file.
    pub(super) fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements as unsigned integers; `None` unless all are non-negative integers.
    pub fn to_u64s(&self) -> Option<Vec<u64>> {
        self.integers()?.map(|v| u64::try_from(v).ok()).collect()
    }

    /// The elements as signed integers; `None` unless all are integers that fit.
    pub fn to_i64s(&self) -> Option<Vec<i64>> {
        self.integers()?.map(|v| i64::try_from(v).ok()).collect()
    }

    /// The elements as `f32`; `None` unless the array holds floats.
    pub fn to_f32s(&self) -> Option<Vec<f32>> {
        match self.element {
            ValueType::F32 => Some(self.fixed::<4>().map(f32::from_le_bytes).collect()),
            ValueType::F64 => {
                Some(self.fixed::<8>().map(|b| f64::from_le_bytes(b) as f32).collect())
            }
            _ => None,
        }
    }

    /// The elements as truth values; `None` unless the array holds them.
    pub fn to_bools(&self) -> Option<Vec<bool>> {
        (self.element == ValueType::Bool).then(|| self.bytes.iter().map(|&b| b != 0).collect())
    }

    /// The elements as byte strings, which the format says are UTF-8 and some files do not make
    /// so; `None` unless the array holds strings.
    pub fn byte_strings(&self) -> Option<ByteStrings<'_>> {
        (self.element == ValueType::String)
            .then_some(ByteStrings { rest: &self.bytes, left: self.len })
    }

    /// The elements as arrays; `None` unless the array holds arrays.
    pub fn to_arrays(&self) -> Option<Vec<Array>> {
        if self.element != ValueType::Array {
            return None;
        }
        let mut at = 0;
        let mut arrays = Vec::new();
        for _ in 0..self.len {
            let (array, end) = nested(&self.bytes, at);
            arrays.push(array);
            at = end;
        }
        Some(arrays)
    }

    fn fixed<const N: usize>(&self) -> impl Iterator<Item = [u8; N]> + '_ {
        self.bytes.as_chunks::<N>().0.iter().copied()
    }

    fn integers(&self) -> Option<Box<dyn Iterator<Item = i128> + '_>> {
        Some(match self.element {
            ValueType::U8 => Box::new(self.bytes.iter().map(|&b| b.into())),
            ValueType::I8 => Box::new(self.fixed::<1>().map(|b| i8::from_le_bytes(b).into())),
            ValueType::U16 => Box::new(self.fixed::<2>().map(|b| u16::from_le_bytes(b).into())),
            ValueType::I16 => Box::new(self.fixed::<2>().map(|b| i16::from_le_bytes(b).into())),
            ValueType::U32 => Box::new(self.fixed::<4>().map(|b| u32::from_le_bytes(b).into())),
            ValueType::I32 => Box::new(self.fixed::<4>().map(|b| i32::from_le_bytes(b).into())),
            ValueType::U64 => Box::new(self.fixed::<8>().map(|b| u64::from_le_bytes(b).into())),
            ValueType::I64 => Box::new(self.fixed::<8>().map(|b| i64::from_le_bytes(b).into())),
            _ => return None,
        })
    }
}

/// The array that starts at `at` in bytes that the reader has walked, and where it ends.
fn nested(bytes: &Bytes, at: usize) -> (Array, usize) {
    let element = ValueType::from_id(read_u32(bytes, at)).expect("the reader checked the type");
    let len = read_u64(bytes, at + 4) as usize;
    let start = at + 12;
    let end = match element.fixed_bytes() {
        Some(size) => start + len * size,
        None if element == ValueType::String => {
            (0..len).fold(start, |at, _| at + 8 + read_u64(bytes, at) as usize)
        }
        None => (0..len).fold(start, |at, _| nested(bytes, at).1),
    };
    (Array::new(element, len, bytes.slice(start..end)), end)
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Iterator over the strings of an [`Array`].
#[derive(Clone, Debug)]
pub struct ByteStrings<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for ByteStrings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (len, rest) = self.rest.split_at(8);
        let (string, rest) = rest.split_at(read_u64(len, 0) as usize);
        self.rest = rest;
        Some(string)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for ByteStrings<'_> {}
