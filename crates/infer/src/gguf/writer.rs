//! Writing GGUF files.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use ulp_nn::{NnError, replace_file};

use super::encode::encode_string;
use super::value::Value;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAGIC, MAX_ALIGNMENT, MAX_DIMENSIONS};
use crate::error::InferError;
use crate::quant::TensorType;

/// The version of the format that is written.
const VERSION: u32 = 3;

/// Collects metadata and tensors and writes them as one GGUF file.
///
/// Both keep the order in which they were added, and the same input always gives the same bytes.
/// Tensors start at multiples of 32 bytes, or of `general.alignment` if that key is set.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Array, Bytes, Gguf, GgufWriter, TensorType, quantize};
///
/// let weight: Vec<f32> = (0..64).map(|i| i as f32 / 64.0).collect();
/// let mut writer = GgufWriter::new();
/// writer.set("general.architecture", "llama");
/// writer.set("llama.block_count", 1u32);
/// writer.set("tokenizer.ggml.tokens", ["a", "b"].into_iter().collect::<Array>());
/// let ty = TensorType::Q8_0;
/// writer.tensor("output.weight", &[2, 32], ty, quantize(ty, &weight)?);
///
/// let mut file = Vec::new();
/// writer.write_to(&mut file)?;
/// let gguf = Gguf::parse(Bytes::from(file), "tiny.gguf")?;
/// assert_eq!(gguf.u32("llama.block_count")?, 1);
/// assert!((gguf.matrix("output.weight", 2, 32)?.row(1)[0] - 0.5).abs() < 0.004);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct GgufWriter<'a> {
    metadata: Vec<(String, Value)>,
    tensors: Vec<Entry<'a>>,
}

#[derive(Clone, Debug)]
struct Entry<'a> {
    name: String,
    shape: Vec<usize>,
    ty: TensorType,
    bytes: Cow<'a, [u8]>,
}

impl<'a> GgufWriter<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a metadata key, in its old place if it was set before.
    ///
    /// # Panics
    ///
    /// If the key is `general.alignment` and the value not a power of two up to 2^20.
    #[track_caller]
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        if key == ALIGNMENT_KEY {
            assert!(
                matches!(value, Value::U32(v) if is_alignment(v.into())),
                "{key} = {value:?} is not a u32 that is a power of two up to {MAX_ALIGNMENT}"
            );
        }
        match self.metadata.iter_mut().find(|(other, _)| other == key) {
            Some((_, old)) => *old = value,
            None => self.metadata.push((key.to_string(), value)),
        }
    }

    /// Adds a tensor by its stored bytes, which [`quantize`](crate::quantize) makes of numbers.
    /// `shape` is outermost dimension first, as everywhere here: a weight is `[out, in]`. (The
    /// file stores it the other way round.)
    ///
    /// # Panics
    ///
    /// If `bytes` has another length than shape and type need, a row does not fill whole blocks,
    /// there are more than 4 dimensions, or the name was added before.
    #[track_caller]
    pub fn tensor(
        &mut self,
        name: &str,
        shape: &[usize],
        ty: TensorType,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) {
        let bytes = bytes.into();
        let row = shape.last().copied().unwrap_or(1);
        let rows: usize = shape.iter().rev().skip(1).product();
        assert!(
            ty.bytes_of(row).map(|row| row * rows) == Some(bytes.len()),
            "{name}: {} bytes are not a {ty} tensor of shape {shape:?}",
            bytes.len()
        );
        assert!(
            shape.len() <= MAX_DIMENSIONS as usize,
            "{name}: shape {shape:?} has more than 4 dimensions"
        );
        assert!(!self.tensors.iter().any(|t| t.name == name), "{name} was added before");
        self.tensors.push(Entry { name: name.to_string(), shape: shape.to_vec(), ty, bytes });
    }

    /// Writes the file's bytes.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let alignment = self.alignment();
        let mut header = self.header(alignment);
        header.resize(header.len().next_multiple_of(alignment), 0);
        out.write_all(&header)?;
        for tensor in &self.tensors {
            out.write_all(&tensor.bytes)?;
            let end = tensor.bytes.len();
            // The last tensor is padded too: other readers expect it.
            out.write_all(&vec![0; end.next_multiple_of(alignment) - end])?;
        }
        Ok(())
    }

    /// Writes the file beside `path` and renames it, so that `path` is never half a file.
    ///
    /// # Errors
    ///
    /// [`InferError::Io`].
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> Result<(), InferError> {
        replace_file(path.as_ref(), |out| self.write_to(out)).map_err(|error| match error {
            NnError::Io { path, source } => InferError::Io { path, source },
            other => other.into(),
        })
    }

    fn alignment(&self) -> usize {
        let set = self.metadata.iter().find(|(key, _)| key == ALIGNMENT_KEY);
        set.and_then(|(_, value)| value.as_u64()).map_or(DEFAULT_ALIGNMENT, |v| v as usize)
    }

    fn header(&self, alignment: usize) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            encode_string(key.as_bytes(), &mut out);
            out.extend(value.value_type().id().to_le_bytes());
            value.encode(&mut out);
        }
        let mut offset = 0u64;
        for tensor in &self.tensors {
            encode_string(tensor.name.as_bytes(), &mut out);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            for &dimension in tensor.shape.iter().rev() {
                out.extend((dimension as u64).to_le_bytes());
            }
            out.extend(tensor.ty.id().to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += tensor.bytes.len().next_multiple_of(alignment) as u64;
        }
        out
    }
}

/// Whether tensors may be aligned so.
pub(super) fn is_alignment(value: u64) -> bool {
    value.is_power_of_two() && value <= MAX_ALIGNMENT
}
