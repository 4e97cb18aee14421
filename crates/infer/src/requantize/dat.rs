//! The older form of importance matrices, before llama.cpp took to GGUF.
//!
//! ```text
//! i32 n                    matrices
//! n times:
//!   i32 length, name
//!   i32 calls, i32 inputs
//!   f32 x inputs           mean of the squares, times calls
//! ```
//!
//! What follows (how many windows, which text) is not needed.

use super::Importance;
use crate::bytes::Bytes;
use crate::error::InferError;

/// Reads a file of this form.
pub(super) fn read(bytes: &Bytes, file: &str) -> Result<Importance, InferError> {
    let mut reader = Reader { bytes, file, at: 0 };
    let mut importance = Importance::new();
    for _ in 0..reader.count("the number of matrices")? {
        let offset = reader.at;
        let length = reader.count("the length of a name")?;
        let name = std::str::from_utf8(reader.take("a name", length)?)
            .map_err(|_| reader.invalid("a name", offset, "is not UTF-8"))?;
        if importance.matrices.contains_key(name) {
            return Err(reader.invalid(name, offset, "occurs twice"));
        }
        let (calls, inputs) = (reader.count(name)?, reader.count(name)?);
        let numbers = reader.take(name, inputs.saturating_mul(4))?;
        let squares: Vec<f64> =
            numbers.as_chunks().0.iter().map(|&x| f64::from(f32::from_le_bytes(x))).collect();
        importance.add(name, &squares, calls);
    }
    Ok(importance)
}

/// A cursor that checks what a field claims against the bytes that are left.
struct Reader<'a> {
    bytes: &'a [u8],
    file: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, field: &str, needed: usize) -> Result<&'a [u8], InferError> {
        let left = &self.bytes[self.at..];
        let taken = left.get(..needed).ok_or_else(|| InferError::Truncated {
            file: self.file.to_string(),
            field: field.to_string(),
            offset: self.at as u64,
            needed: needed as u64,
            available: left.len() as u64,
        })?;
        self.at += needed;
        Ok(taken)
    }

    /// An i32 that counts something.
    fn count(&mut self, field: &str) -> Result<usize, InferError> {
        let offset = self.at;
        let taken = self.take(field, 4)?.try_into().expect("four bytes were taken");
        usize::try_from(i32::from_le_bytes(taken))
            .map_err(|_| self.invalid(field, offset, "is negative"))
    }

    fn invalid(&self, field: &str, offset: usize, what: &'static str) -> InferError {
        let (file, field) = (self.file.to_string(), field.to_string());
        InferError::Invalid { file, field, offset: offset as u64, what }
    }
}
