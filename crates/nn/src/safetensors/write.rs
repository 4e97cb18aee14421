use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use ulp_tensor::ndarray::{ArrayViewD, IxDyn};

use super::Dtype;
use crate::{NnError, replace_file};

/// Collects tensors and writes them as one file.
///
/// Tensors keep the order in which they were added; the header is padded with spaces so that the
/// data starts at a multiple of eight, as the format recommends. The same tensors always give the
/// same bytes.
///
/// See [`SafeTensors`](super::SafeTensors) for an example.
#[derive(Debug, Default)]
pub struct SafeTensorsWriter<'a> {
    metadata: BTreeMap<String, String>,
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    Bytes(Cow<'a, [u8]>),
    F32(ArrayViewD<'a, f32>),
    F64(ArrayViewD<'a, f64>),
}

impl<'a> SafeTensorsWriter<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an entry of `__metadata__`. Readers of PyTorch models expect `format` = `pt`.
    pub fn metadata(&mut self, key: &str, value: &str) {
        self.metadata.insert(key.to_owned(), value.to_owned());
    }

    /// Adds an f32 array, stored as `dtype`: F32 unchanged, F16 and BF16 rounded to nearest, ties
    /// to even. Any strides.
    ///
    /// # Panics
    ///
    /// If `dtype` is another one, or if the name was added before.
    #[track_caller]
    pub fn array(&mut self, name: &str, dtype: Dtype, values: ArrayViewD<'a, f32>) {
        assert!(
            matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::Bf16),
            "{name}: f32 values are stored as F32, F16 or BF16, not as {}",
            dtype.name()
        );
        let shape = values.shape().to_vec();
        self.push(name, dtype, shape, Source::F32(values));
    }

    /// Adds an f64 array as F64. Any strides.
    ///
    /// # Panics
    ///
    /// If the name was added before.
    #[track_caller]
    pub fn array_f64(&mut self, name: &str, values: ArrayViewD<'a, f64>) {
        let shape = values.shape().to_vec();
        self.push(name, Dtype::F64, shape, Source::F64(values));
    }

    /// Adds a tensor by its bytes: little-endian, row-major.
    ///
    /// # Panics
    ///
    /// If the number of bytes is not what shape and type need, or if the name was added before.
    #[track_caller]
    pub fn bytes(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
        bytes: impl Into<Cow<'a, [u8]>>,
    ) {
        let bytes = bytes.into();
        let needed = shape.iter().product::<usize>() * dtype.size();
        assert_eq!(bytes.len(), needed, "{name}: bytes given, bytes that shape {shape:?} needs");
        self.push(name, dtype, shape.to_vec(), Source::Bytes(bytes));
    }

    #[track_caller]
    fn push(&mut self, name: &str, dtype: Dtype, shape: Vec<usize>, source: Source<'a>) {
        assert!(name != "__metadata__", "a tensor cannot be named __metadata__");
        assert!(
            self.entries.iter().all(|entry| entry.name != name),
            "tensor {name} was added before"
        );
        self.entries.push(Entry { name: name.to_owned(), dtype, shape, source });
    }

    /// Writes the file's bytes.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let header = self.header();
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        self.entries.iter().try_for_each(|entry| entry.write_to(out))
    }

    /// Writes the file beside `path` and renames it, so that `path` is never half a file: see
    /// [`replace_file`].
    ///
    /// # Errors
    ///
    /// [`NnError::Io`].
    pub fn write_file(&self, path: &Path) -> Result<(), NnError> {
        replace_file(path, |out| self.write_to(out))
    }

    fn header(&self) -> Vec<u8> {
        let mut object = Map::new();
        if !self.metadata.is_empty() {
            object.insert("__metadata__".to_owned(), json!(self.metadata));
        }
        let mut offset = 0;
        for entry in &self.entries {
            let end = offset + entry.size();
            let value = json!({
                "dtype": entry.dtype.name(),
                "shape": entry.shape,
                "data_offsets": [offset, end],
            });
            object.insert(entry.name.clone(), value);
            offset = end;
        }
        let mut text = Value::Object(object).to_string().into_bytes();
        text.resize(text.len().next_multiple_of(8), b' ');
        text
    }
}

impl Entry<'_> {
    fn size(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.size()
    }

    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        match (&self.source, self.dtype) {
            (Source::Bytes(bytes), _) => out.write_all(bytes),
            (Source::F64(values), _) => write_elements(out, values, |x| x.to_le_bytes()),
            (Source::F32(values), Dtype::F16) => {
                write_elements(out, values, |x| fpbits::f16_from_f32(x).to_le_bytes())
            }
            (Source::F32(values), Dtype::Bf16) => {
                write_elements(out, values, |x| fpbits::bf16_from_f32(x).to_le_bytes())
            }
            (Source::F32(values), _) => write_elements(out, values, |x| x.to_le_bytes()),
        }
    }
}

/// Row-major order whatever the strides, through a buffer of a few KiB.
fn write_elements<E: Copy, const N: usize>(
    out: &mut dyn Write,
    values: &ulp_tensor::ndarray::ArrayView<'_, E, IxDyn>,
    encode: impl Fn(E) -> [u8; N],
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1024 * N);
    for value in values.iter() {
        buffer.extend_from_slice(&encode(*value));
        if buffer.len() == 1024 * N {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}
