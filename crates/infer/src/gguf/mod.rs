//! GGUF: the single-file format of the ggml family.
//!
//! Header, then metadata (typed key-value pairs), then a list of tensors (name, dimensions, type,
//! offset), then, from the next multiple of the alignment, the tensors' bytes. All little-endian.
//! Specification: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod encode;
mod reader;
mod value;
mod writer;

use std::collections::HashMap;
use std::path::Path;

use crate::bytes::Bytes;
use crate::error::InferError;
use crate::quant::{Matrix, TensorType, dequantize};

use reader::Reader;
pub use value::{Array, ByteStrings, Value, ValueType};
pub use writer::GgufWriter;

const MAGIC: [u8; 4] = *b"GGUF";
/// Where tensor data starts when the file does not say: the specification's default.
const DEFAULT_ALIGNMENT: usize = 32;
pub(crate) const ALIGNMENT_KEY: &str = "general.alignment";
/// Far above any page size in use, and keeps sums of offsets from overflowing.
const MAX_ALIGNMENT: u64 = 1 << 20;
/// The specification's bound on dimensions.
const MAX_DIMENSIONS: u32 = 4;
/// The specification's bound on the length of a key.
const MAX_KEY_BYTES: usize = 65535;

/// One entry of a file's list of tensors, checked: its bytes lie inside the file and belong to no
/// other tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// The shape, outermost dimension first (the file stores it the other way round): a weight is
    /// `[out, in]`.
    pub shape: Vec<usize>,
    /// The element format.
    pub ty: TensorType,
    /// Where its bytes start in the file.
    pub offset: usize,
    /// How many bytes it has.
    pub bytes: usize,
}

impl TensorInfo {
    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A GGUF file: metadata and tensors, left where they lie.
///
/// Nothing the header claims is trusted. Every count and length is compared with the bytes that
/// are left before it is used, and what the reader allocates grows with what it has read, never
/// with what it was told.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Bytes, Gguf, InferError};
///
/// let mut file = b"GGUF".to_vec();
/// file.extend(3u32.to_le_bytes()); // version
/// file.extend(0u64.to_le_bytes()); // tensors
/// file.extend(1u64.to_le_bytes()); // metadata entries
/// file.extend(20u64.to_le_bytes());
/// file.extend(b"general.architecture");
/// file.extend(8u32.to_le_bytes()); // a string
/// file.extend(5u64.to_le_bytes());
/// file.extend(b"llama");
///
/// let gguf = Gguf::parse(Bytes::from(file.clone()), "tiny.gguf")?;
/// assert_eq!(gguf.str("general.architecture")?, "llama");
///
/// file.truncate(40);
/// assert!(matches!(
///     Gguf::parse(Bytes::from(file), "tiny.gguf"),
///     Err(InferError::Truncated { offset: 32, .. })
/// ));
/// # Ok::<(), InferError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gguf {
    file: String,
    version: u32,
    bytes: Bytes,
    metadata: Vec<(String, Value)>,
    keys: HashMap<String, usize>,
    tensors: Vec<TensorInfo>,
    names: HashMap<String, usize>,
}

impl Gguf {
    /// Maps a file and reads its metadata and list of tensors.
    ///
    /// # Errors
    ///
    /// [`InferError::Io`], and all of [`Gguf::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferError> {
        let path = path.as_ref();
        Gguf::parse(Bytes::map(path)?, &path.display().to_string())
    }

    /// Reads metadata and list of tensors from bytes; `file` is the name that errors bear.
    ///
    /// # Errors
    ///
    /// [`InferError::Truncated`] where the bytes end too soon, [`InferError::Invalid`] where they
    /// contradict the format, [`InferError::UnsupportedTensorType`] for an unknown type number.
    pub fn parse(bytes: Bytes, file: &str) -> Result<Self, InferError> {
        let mut reader = Reader::new(&bytes, file);
        let version = read_version(&mut reader)?;
        // A tensor is at least a name's length, a count of dimensions, a type and an offset; an
        // entry a key's length, a type and one byte.
        let tensor_count = reader.count("tensor count", 8 + 4 + 4 + 8)?;
        let entry_count = reader.count("metadata count", 8 + 4 + 1)?;

        let mut metadata = Vec::new();
        let mut keys = HashMap::new();
        for _ in 0..entry_count {
            let offset = reader.position();
            let key = reader.string("metadata key")?;
            if key.len() > MAX_KEY_BYTES {
                return Err(reader.invalid("metadata key", offset, "longer than 65535 bytes"));
            }
            let value = reader.value(&key)?;
            if keys.insert(key.clone(), metadata.len()).is_some() {
                return Err(reader.invalid(&key, offset, "appears twice"));
            }
            metadata.push((key, value));
        }

        let alignment = read_alignment(&reader, keys.get(ALIGNMENT_KEY).map(|&i| &metadata[i].1))?;
        let mut tensors = Vec::new();
        let mut names = HashMap::new();
        let mut listed = Vec::new();
        for _ in 0..tensor_count {
            let offset = reader.position();
            let tensor = read_tensor_info(&mut reader, file)?;
            if !tensor.offset.is_multiple_of(alignment) {
                return Err(reader.invalid(&tensor.name, offset, "its data is not aligned"));
            }
            if names.insert(tensor.name.clone(), tensors.len()).is_some() {
                return Err(reader.invalid(&tensor.name, offset, "appears twice"));
            }
            listed.push(offset);
            tensors.push(tensor);
        }

        let data_start = reader.position().next_multiple_of(alignment);
        place(&mut tensors, data_start, bytes.len(), file)?;
        refuse_overlaps(&tensors, &listed, &reader)?;
        Ok(Gguf { file: file.to_string(), version, bytes, metadata, keys, tensors, names })
    }

    /// The name that errors bear.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The version of the format, 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The size of the file in bytes.
    pub fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The metadata, in the file's order.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a metadata key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).map(|&i| &self.metadata[i].1)
    }

    /// The tensors, in the file's order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.names.get(name).map(|&i| &self.tensors[i])
    }

    /// A text value.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingKey`] or [`InferError::WrongType`], as all typed getters.
    pub fn str(&self, key: &str) -> Result<&str, InferError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// A non-negative integer, stored in any integer type that holds it.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn u64(&self, key: &str) -> Result<u64, InferError> {
        self.typed(key, "a non-negative integer", Value::as_u64)
    }

    /// A non-negative integer below 2^32.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn u32(&self, key: &str) -> Result<u32, InferError> {
        self.typed(key, "an integer below 2^32", |v| v.as_u64()?.try_into().ok())
    }

    /// A count that fits this machine's address space.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn usize(&self, key: &str) -> Result<usize, InferError> {
        self.typed(key, "a count", |v| v.as_u64()?.try_into().ok())
    }

    /// A float.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn f32(&self, key: &str) -> Result<f32, InferError> {
        self.typed(key, "a float", Value::as_f32)
    }

    /// A truth value.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn bool(&self, key: &str) -> Result<bool, InferError> {
        self.typed(key, "a bool", Value::as_bool)
    }

    /// An array.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn array(&self, key: &str) -> Result<&Array, InferError> {
        self.typed(key, "an array", Value::as_array)
    }

    /// An array of strings, as bytes.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn byte_strings(&self, key: &str) -> Result<ByteStrings<'_>, InferError> {
        self.typed(key, "an array of strings", |v| v.as_array()?.byte_strings())
    }

    /// An array of strings that are all UTF-8.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`]; an array with a string that is not UTF-8 counts as of another type.
    pub fn strings(&self, key: &str) -> Result<Vec<&str>, InferError> {
        self.typed(key, "an array of UTF-8 strings", |v| {
            v.as_array()?.byte_strings()?.map(|s| std::str::from_utf8(s).ok()).collect()
        })
    }

    /// An array of floats.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn f32s(&self, key: &str) -> Result<Vec<f32>, InferError> {
        self.typed(key, "an array of floats", |v| v.as_array()?.to_f32s())
    }

    /// An array of integers.
    ///
    /// # Errors
    ///
    /// See [`Gguf::str`].
    pub fn i64s(&self, key: &str) -> Result<Vec<i64>, InferError> {
        self.typed(key, "an array of integers", |v| v.as_array()?.to_i64s())
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        get: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, InferError> {
        let value = self.get(key).ok_or_else(|| InferError::MissingKey {
            file: self.file.clone(),
            key: key.to_string(),
        })?;
        get(value).ok_or_else(|| InferError::WrongType {
            file: self.file.clone(),
            key: key.to_string(),
            expected,
            found: value.value_type().name(),
        })
    }

    /// The bytes of a tensor, sharing the file's mapping.
    ///
    /// # Panics
    ///
    /// When `tensor` is not of this file.
    pub fn data(&self, tensor: &TensorInfo) -> Bytes {
        self.bytes.slice(tensor.offset..tensor.offset + tensor.bytes)
    }

    /// The bytes of a tensor, where they lie.
    pub(crate) fn bytes_of(&self, tensor: &TensorInfo) -> &[u8] {
        &self.bytes[tensor.offset..][..tensor.bytes]
    }

    /// All elements of a tensor, whatever its shape, as `f32`.
    ///
    /// # Errors
    ///
    /// [`InferError::UnsupportedTensorType`].
    pub fn numbers(&self, tensor: &TensorInfo) -> Result<Vec<f32>, InferError> {
        dequantize(tensor.ty, self.bytes_of(tensor)).map_err(|e| e.named(&self.file, &tensor.name))
    }

    fn required(&self, name: &str) -> Result<&TensorInfo, InferError> {
        self.tensor(name).ok_or_else(|| InferError::MissingTensor {
            file: self.file.clone(),
            tensor: name.to_string(),
        })
    }

    /// The weight `name`, which must have `rows` outputs and `cols` inputs.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingTensor`], [`InferError::ShapeMismatch`],
    /// [`InferError::UnsupportedTensorType`].
    pub fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, InferError> {
        let tensor = self.required(name)?;
        self.expect_shape(tensor, &[rows, cols])?;
        Matrix::new(rows, cols, tensor.ty, self.data(tensor)).map_err(|e| e.named(&self.file, name))
    }

    /// The vector `name` of `len` elements (a norm's weight, a bias), as `f32`.
    ///
    /// # Errors
    ///
    /// See [`Gguf::matrix`].
    pub fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, InferError> {
        let tensor = self.required(name)?;
        self.expect_shape(tensor, &[len])?;
        dequantize(tensor.ty, &self.data(tensor)).map_err(|e| e.named(&self.file, name))
    }

    /// The type and bytes of a tensor that must have this shape.
    pub(crate) fn stored(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<(TensorType, Bytes), InferError> {
        let tensor = self.required(name)?;
        self.expect_shape(tensor, shape)?;
        Ok((tensor.ty, self.data(tensor)))
    }

    fn expect_shape(&self, tensor: &TensorInfo, expected: &[usize]) -> Result<(), InferError> {
        if tensor.shape == expected {
            return Ok(());
        }
        Err(InferError::ShapeMismatch {
            file: self.file.clone(),
            tensor: tensor.name.clone(),
            expected: expected.to_vec(),
            found: tensor.shape.clone(),
        })
    }
}

fn read_version(reader: &mut Reader<'_>) -> Result<u32, InferError> {
    if reader.array::<4>("magic")? != MAGIC {
        return Err(reader.invalid("magic", 0, "is not GGUF"));
    }
    let version = reader.u32("version")?;
    match version {
        2 | 3 => Ok(version),
        1 => {
            Err(reader.invalid("version", 4, "version 1 counts in 32 bits; convert the file anew"))
        }
        2..0x1_0000 => Err(reader.invalid("version", 4, "is newer than 3")),
        v if matches!(v.swap_bytes(), 1..0x1_0000) => {
            Err(reader.invalid("version", 4, "the file is big-endian"))
        }
        _ => Err(reader.invalid("version", 4, "is not 2 or 3")),
    }
}

fn read_alignment(reader: &Reader<'_>, value: Option<&Value>) -> Result<usize, InferError> {
    let Some(value) = value else { return Ok(DEFAULT_ALIGNMENT) };
    match value.as_u64() {
        Some(v) if writer::is_alignment(v) => Ok(v as usize),
        _ => Err(reader.invalid(ALIGNMENT_KEY, 0, "is not a power of two up to 2^20")),
    }
}

/// Reads one entry; its offset is still relative to the start of the tensors' data.
fn read_tensor_info(reader: &mut Reader<'_>, file: &str) -> Result<TensorInfo, InferError> {
    let name = reader.string("tensor name")?;
    let offset = reader.position();
    let dimensions = reader.u32(&name)?;
    if dimensions > MAX_DIMENSIONS {
        return Err(reader.invalid(&name, offset, "has more than 4 dimensions"));
    }
    let mut shape = Vec::with_capacity(MAX_DIMENSIONS as usize);
    let mut elements = 1usize;
    for _ in 0..dimensions {
        let offset = reader.position();
        let dimension = usize::try_from(reader.u64(&name)?).ok();
        let product = dimension.and_then(|d| elements.checked_mul(d));
        let (Some(dimension), Some(product)) = (dimension, product) else {
            return Err(reader.invalid(&name, offset, "its dimensions overflow"));
        };
        shape.push(dimension);
        elements = product;
    }
    let offset = reader.position();
    let id = reader.u32(&name)?;
    let Some(ty) = TensorType::from_id(id) else {
        return Err(InferError::UnsupportedTensorType {
            file: file.to_string(),
            tensor: name,
            ty: id.to_string(),
        });
    };
    let row = shape.first().copied().unwrap_or(1);
    let bytes = if row.is_multiple_of(ty.block_elements()) { ty.bytes_of(elements) } else { None };
    let Some(bytes) = bytes else {
        return Err(reader.invalid(&name, offset, "a row does not fill whole blocks of its type"));
    };
    let offset = reader.position();
    let Ok(data) = usize::try_from(reader.u64(&name)?) else {
        return Err(reader.invalid(&name, offset, "its offset overflows"));
    };
    shape.reverse();
    Ok(TensorInfo { name, shape, ty, offset: data, bytes })
}

/// Turns relative offsets into offsets in the file, refusing what does not lie inside it.
fn place(
    tensors: &mut [TensorInfo],
    data_start: usize,
    file_bytes: usize,
    file: &str,
) -> Result<(), InferError> {
    for tensor in tensors {
        let start = data_start.checked_add(tensor.offset);
        let end = start.and_then(|start| start.checked_add(tensor.bytes));
        match (start, end) {
            (Some(start), Some(end)) if end <= file_bytes => tensor.offset = start,
            _ => {
                let start = (data_start as u64).saturating_add(tensor.offset as u64);
                return Err(InferError::Truncated {
                    file: file.to_string(),
                    field: tensor.name.clone(),
                    offset: start,
                    needed: tensor.bytes as u64,
                    available: (file_bytes as u64).saturating_sub(start),
                });
            }
        }
    }
    Ok(())
}

/// Refuses tensors that share bytes. `listed` holds where each one's entry starts.
fn refuse_overlaps(
    tensors: &[TensorInfo],
    listed: &[usize],
    reader: &Reader<'_>,
) -> Result<(), InferError> {
    let mut order: Vec<usize> = (0..tensors.len()).filter(|&i| tensors[i].bytes > 0).collect();
    order.sort_by_key(|&i| tensors[i].offset);
    for pair in order.windows(2) {
        let (first, second) = (&tensors[pair[0]], &tensors[pair[1]]);
        if first.offset + first.bytes > second.offset {
            return Err(reader.invalid(
                &second.name,
                listed[pair[1]],
                "its data overlaps another tensor's",
            ));
        }
    }
    Ok(())
}
