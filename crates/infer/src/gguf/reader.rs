//! A cursor over the bytes of a GGUF file that names what it reads when it fails.

use crate::bytes::Bytes;
use crate::error::InferError;

/// Arrays may hold arrays; files in use go one deep. The bound keeps the walk's stack small.
const MAX_NESTING: usize = 4;

use super::value::{Array, Value, ValueType};

/// Reads little-endian fields in turn. Every read is checked against the bytes that are left
/// before anything is allocated for it.
pub(super) struct Reader<'a> {
    bytes: &'a Bytes,
    file: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a Bytes, file: &'a str) -> Self {
        Reader { bytes, file, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// An error about the field that starts at `offset`.
    pub(super) fn invalid(&self, field: &str, offset: usize, what: &'static str) -> InferError {
        InferError::Invalid {
            file: self.file.to_string(),
            field: field.to_string(),
            offset: offset as u64,
            what,
        }
    }

    /// The next `needed` bytes, as a range that has been checked.
    fn take(&mut self, field: &str, needed: u64) -> Result<&'a [u8], InferError> {
        match usize::try_from(needed) {
            Ok(needed) if needed <= self.left() => {
                let taken = &self.bytes[self.at..self.at + needed];
                self.at += needed;
                Ok(taken)
            }
            _ => Err(InferError::Truncated {
                file: self.file.to_string(),
                field: field.to_string(),
                offset: self.at as u64,
                needed,
                available: self.left() as u64,
            }),
        }
    }

    pub(super) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], InferError> {
        Ok(self.take(field, N as u64)?.try_into().expect("N bytes were taken"))
    }

    pub(super) fn u32(&mut self, field: &str) -> Result<u32, InferError> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &str) -> Result<u64, InferError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A count of things that take at least `each` bytes, checked against the bytes left.
    pub(super) fn count(&mut self, field: &str, each: usize) -> Result<usize, InferError> {
        let offset = self.at;
        let count = self.u64(field)?;
        let needed = count.saturating_mul(each as u64);
        if needed > self.left() as u64 {
            // From the count on: its own eight bytes, too.
            return Err(InferError::Truncated {
                file: self.file.to_string(),
                field: field.to_string(),
                offset: offset as u64,
                needed: needed.saturating_add(8),
                available: self.left() as u64 + 8,
            });
        }
        // `needed` fits the bytes of a slice, so `count` fits `usize` (each is at least 1).
        Ok(count as usize)
    }

    /// A length in bytes, then that many bytes.
    pub(super) fn byte_string(&mut self, field: &str) -> Result<&'a [u8], InferError> {
        let len = self.u64(field)?;
        self.take(field, len)
    }

    /// A string that must be UTF-8.
    pub(super) fn string(&mut self, field: &str) -> Result<String, InferError> {
        let offset = self.at;
        let bytes = self.byte_string(field)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(self.invalid(field, offset, "is not UTF-8")),
        }
    }

    fn value_type(&mut self, field: &str) -> Result<ValueType, InferError> {
        let offset = self.at;
        ValueType::from_id(self.u32(field)?)
            .ok_or_else(|| self.invalid(field, offset, "unknown value type"))
    }

    /// A type, then a value of that type.
    pub(super) fn value(&mut self, key: &str) -> Result<Value, InferError> {
        let ty = self.value_type(key)?;
        Ok(match ty {
            ValueType::U8 => Value::U8(u8::from_le_bytes(self.array(key)?)),
            ValueType::I8 => Value::I8(i8::from_le_bytes(self.array(key)?)),
            ValueType::U16 => Value::U16(u16::from_le_bytes(self.array(key)?)),
            ValueType::I16 => Value::I16(i16::from_le_bytes(self.array(key)?)),
            ValueType::U32 => Value::U32(u32::from_le_bytes(self.array(key)?)),
            ValueType::I32 => Value::I32(i32::from_le_bytes(self.array(key)?)),
            ValueType::F32 => Value::F32(f32::from_le_bytes(self.array(key)?)),
            ValueType::U64 => Value::U64(u64::from_le_bytes(self.array(key)?)),
            ValueType::I64 => Value::I64(i64::from_le_bytes(self.array(key)?)),
            ValueType::F64 => Value::F64(f64::from_le_bytes(self.array(key)?)),
            ValueType::Bool => {
                let offset = self.at;
                match self.array::<1>(key)?[0] {
                    0 => Value::Bool(false),
                    1 => Value::Bool(true),
                    _ => return Err(self.invalid(key, offset, "a bool is neither 0 nor 1")),
                }
            }
            ValueType::String => Value::String(self.string(key)?),
            ValueType::Array => {
                let (element, len, start) = self.walk_array(key, 0)?;
                Value::Array(Array::new(element, len, self.bytes.slice(start..self.at)))
            }
        })
    }

    /// Walks over an array without keeping it: its element type, length and where its elements
    /// start.
    fn walk_array(
        &mut self,
        key: &str,
        depth: usize,
    ) -> Result<(ValueType, usize, usize), InferError> {
        let offset = self.at;
        if depth == MAX_NESTING {
            return Err(self.invalid(key, offset, "arrays nested too deep"));
        }
        let element = self.value_type(key)?;
        // A string is at least its length, an array its type and length.
        let least = match element {
            ValueType::String => 8,
            ValueType::Array => 12,
            fixed => fixed.fixed_bytes().expect("all others have a fixed size"),
        };
        let len = self.count(key, least)?;
        let start = self.at;
        match element {
            ValueType::String => {
                for _ in 0..len {
                    self.byte_string(key)?;
                }
            }
            ValueType::Array => {
                for _ in 0..len {
                    self.walk_array(key, depth + 1)?;
                }
            }
            _ => {
                self.take(key, len as u64 * least as u64)?;
            }
        }
        Ok((element, len, start))
    }
}
