use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::Dtype;
use crate::NnError;

/// The longest header that the format allows, in bytes.
const MAX_HEADER: u64 = 100_000_000;

/// The bytes that hold the header's length.
const LENGTH_BYTES: u64 = 8;

/// What a file's header says, checked against the file.
///
/// It owns its names and ranges and borrows nothing, for readers that keep a mapped file and cut
/// tensors out of it themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeTensorsHeader {
    file: String,
    tensors: Vec<TensorInfo>,
    by_name: HashMap<String, usize>,
    metadata: BTreeMap<String, String>,
}

/// One tensor's entry of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    range: Range<usize>,
}

impl TensorInfo {
    /// The tensor's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of its elements.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Its shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where its bytes are, counted from the start of the file.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl SafeTensorsHeader {
    /// Reads and checks the header of a whole file. `file` is the name used in errors.
    ///
    /// # Errors
    ///
    /// * [`NnError::Truncated`] if the file ends before the header, or before a tensor's bytes;
    /// * [`NnError::Json`] if the header is not JSON of this form, or names a key twice;
    /// * [`NnError::Unsupported`] for an element type that is not in [`Dtype`];
    /// * [`NnError::InvalidValue`] for a header over 100 MB, a shape whose size overflows, a
    ///   range that does not fit its shape, a hole or overlap between tensors, and bytes left
    ///   over at the end.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, NnError> {
        let json = header_json(bytes, file)?;
        let raw: RawHeader = serde_json::from_slice(json).map_err(|source| NnError::Json {
            file: file.to_owned(),
            offset: LENGTH_BYTES,
            source,
        })?;
        let data_start = LENGTH_BYTES as usize + json.len();
        let mut tensors = raw
            .tensors
            .into_iter()
            .map(|(name, entry)| check_entry(file, name, entry, data_start, bytes.len()))
            .collect::<Result<Vec<_>, _>>()?;
        // An empty tensor shares its start with its successor and must come first.
        tensors.sort_by(|a, b| {
            (a.range.start, a.range.end, &a.name).cmp(&(b.range.start, b.range.end, &b.name))
        });
        check_contiguous(file, &tensors, data_start, bytes.len())?;
        let by_name =
            tensors.iter().enumerate().map(|(index, info)| (info.name.clone(), index)).collect();
        Ok(Self { file: file.to_owned(), tensors, by_name, metadata: raw.metadata })
    }

    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The tensors in the order of their bytes.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.by_name.get(name).map(|index| &self.tensors[*index])
    }

    /// The header's `__metadata__`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}

/// The header's JSON, cut out of the file without trusting the length it claims.
fn header_json<'a>(bytes: &'a [u8], file: &str) -> Result<&'a [u8], NnError> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(NnError::Truncated {
            file: file.to_owned(),
            field: "the header's length".to_owned(),
            offset: 0,
            needed: LENGTH_BYTES,
            available: bytes.len() as u64,
        });
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER {
        return Err(NnError::InvalidValue {
            file: file.to_owned(),
            field: "the header's length".to_owned(),
            value: length.to_string(),
            rule: "the format allows 100000000 bytes",
        });
    }
    // At most 100 MB, so it fits a usize of 32 bits too.
    rest.get(..length as usize).ok_or_else(|| NnError::Truncated {
        file: file.to_owned(),
        field: "the header".to_owned(),
        offset: LENGTH_BYTES,
        needed: length,
        available: rest.len() as u64,
    })
}

fn check_entry(
    file: &str,
    name: String,
    entry: RawTensor,
    data_start: usize,
    file_length: usize,
) -> Result<TensorInfo, NnError> {
    let invalid = |part: &str, value: String, rule| NnError::InvalidValue {
        file: file.to_owned(),
        field: format!("{name}.{part}"),
        value,
        rule,
    };
    let dtype = Dtype::from_name(&entry.dtype).ok_or_else(|| NnError::Unsupported {
        file: file.to_owned(),
        field: format!("{name}.dtype"),
        value: entry.dtype.clone(),
    })?;
    let size = entry
        .shape
        .iter()
        .try_fold(dtype.size() as u64, |product, n| product.checked_mul(*n))
        .ok_or_else(|| {
            invalid("shape", format!("{:?}", entry.shape), "its size in bytes must fit 64 bits")
        })?;
    // A zero anywhere makes the product above small, so every dimension is judged alone as well,
    // and so is the product of the others: ndarray refuses shapes whose nonzero part overflows.
    let nonzero = entry.shape.iter().filter(|n| **n != 0).try_fold(1_u64, |p, n| p.checked_mul(*n));
    if nonzero.is_none_or(|elements| elements > isize::MAX as u64 / 8) {
        return Err(invalid("shape", format!("{:?}", entry.shape), "it must fit the memory"));
    }
    let [begin, end] = entry.data_offsets;
    let range_text = || format!("[{begin}, {end}]");
    if begin > end {
        return Err(invalid("data_offsets", range_text(), "the end must not be before the start"));
    }
    if end - begin != size {
        return Err(invalid("data_offsets", range_text(), "it must be as long as the shape says"));
    }
    let available = (file_length - data_start) as u64;
    if end > available {
        return Err(NnError::Truncated {
            file: file.to_owned(),
            offset: (data_start as u64).saturating_add(begin),
            needed: size,
            available: available.saturating_sub(begin),
            field: format!("tensor {name}"),
        });
    }
    // Both ends are within the file now, so they fit a usize.
    let range = data_start + begin as usize..data_start + end as usize;
    let shape = entry.shape.into_iter().map(|n| n as usize).collect();
    Ok(TensorInfo { name, dtype, shape, range })
}

/// Tensors must cover the bytes after the header without a hole, an overlap or a rest; otherwise
/// a file could carry bytes that no reader shows.
fn check_contiguous(
    file: &str,
    tensors: &[TensorInfo],
    data_start: usize,
    file_length: usize,
) -> Result<(), NnError> {
    let mut expected = data_start;
    for info in tensors {
        if info.range.start != expected {
            return Err(NnError::InvalidValue {
                file: file.to_owned(),
                field: format!("{}.data_offsets", info.name),
                value: format!(
                    "[{}, {}]",
                    info.range.start - data_start,
                    info.range.end - data_start
                ),
                rule: "each tensor must start where the one before it ends",
            });
        }
        expected = info.range.end;
    }
    if expected != file_length {
        return Err(NnError::InvalidValue {
            file: file.to_owned(),
            field: "the file's length".to_owned(),
            value: file_length.to_string(),
            rule: "the file must end with the last tensor",
        });
    }
    Ok(())
}

/// The header as JSON has it, in the order of the text, with repeated keys refused.
struct RawHeader {
    tensors: Vec<(String, RawTensor)>,
    metadata: BTreeMap<String, String>,
}

struct RawTensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// A JSON object of strings; a repeated key is an error instead of a silent replacement.
struct UniqueStrings(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = RawHeader;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
                let mut seen = std::collections::HashSet::new();
                let mut header = RawHeader { tensors: Vec::new(), metadata: BTreeMap::new() };
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom(format_args!("key {key:?} comes twice")));
                    }
                    if key == "__metadata__" {
                        header.metadata = map.next_value::<UniqueStrings>()?.0;
                    } else {
                        header.tensors.push((key, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}

impl<'de> Deserialize<'de> for RawTensor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TensorVisitor;
        impl<'de> Visitor<'de> for TensorVisitor {
            type Value = RawTensor;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tensor: an object with dtype, shape and data_offsets")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawTensor, A::Error> {
                let (mut dtype, mut shape, mut data_offsets) = (None, None, None);
                while let Some(key) = map.next_key::<String>()? {
                    let repeated = match key.as_str() {
                        "dtype" => dtype.replace(map.next_value()?).is_some(),
                        "shape" => shape.replace(map.next_value()?).is_some(),
                        "data_offsets" => data_offsets.replace(map.next_value()?).is_some(),
                        other => {
                            const KNOWN: &[&str] = &["dtype", "shape", "data_offsets"];
                            return Err(A::Error::unknown_field(other, KNOWN));
                        }
                    };
                    if repeated {
                        return Err(A::Error::custom(format_args!("key {key:?} comes twice")));
                    }
                }
                Ok(RawTensor {
                    dtype: dtype.ok_or_else(|| A::Error::missing_field("dtype"))?,
                    shape: shape.ok_or_else(|| A::Error::missing_field("shape"))?,
                    data_offsets: data_offsets
                        .ok_or_else(|| A::Error::missing_field("data_offsets"))?,
                })
            }
        }
        deserializer.deserialize_map(TensorVisitor)
    }
}

impl<'de> Deserialize<'de> for UniqueStrings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringsVisitor;
        impl<'de> Visitor<'de> for StringsVisitor {
            type Value = UniqueStrings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueStrings, A::Error> {
                let mut strings = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if strings.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("key {key:?} comes twice")));
                    }
                    strings.insert(key, value);
                }
                Ok(UniqueStrings(strings))
            }
        }
        deserializer.deserialize_map(StringsVisitor)
    }
}
