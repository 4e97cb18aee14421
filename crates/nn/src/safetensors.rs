//! The safetensors format, read and written over bytes.
//!
//! A file is eight bytes that hold the header's length N (little-endian), N bytes of JSON, and the
//! tensors' bytes, one after the other without a hole
//! ([the format](https://github.com/huggingface/safetensors#format)):
//!
//! ```text
//! N: u64 | {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...} | bytes
//! ```
//!
//! The reader believes nothing: the header's length against the file's, each tensor's bytes
//! against its shape, and all ranges against each other (no hole, no overlap, nothing left over).
//! It copies no tensor; a [`TensorView`] borrows from the file's bytes.

mod dtype;
mod header;
mod write;

use ulp_tensor::ndarray::{ArrayD, IxDyn};

use crate::NnError;

pub use dtype::Dtype;
pub use header::{SafeTensorsHeader, TensorInfo};
pub use write::SafeTensorsWriter;

/// A parsed safetensors file over borrowed bytes.
///
/// # Examples
///
/// ```
/// use ulp_nn::{Dtype, SafeTensors, SafeTensorsWriter};
/// use ulp_tensor::ndarray::array;
///
/// let weights = array![[1.0_f32, -2.0], [0.5, 0.25]].into_dyn();
/// let mut writer = SafeTensorsWriter::new();
/// writer.metadata("format", "pt");
/// writer.array("w", Dtype::Bf16, weights.view());
/// let mut bytes = Vec::new();
/// writer.write_to(&mut bytes)?;
///
/// let file = SafeTensors::parse(&bytes, "model.safetensors")?;
/// let w = file.tensor("w").unwrap();
/// assert_eq!((w.dtype(), w.shape(), w.data().len()), (Dtype::Bf16, &[2, 2][..], 8));
/// assert_eq!(w.to_f32()?, weights);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SafeTensors<'a> {
    header: SafeTensorsHeader,
    bytes: &'a [u8],
}

impl<'a> SafeTensors<'a> {
    /// Checks a whole file. `file` is the name used in errors.
    ///
    /// # Errors
    ///
    /// As [`SafeTensorsHeader::parse`].
    pub fn parse(bytes: &'a [u8], file: &str) -> Result<Self, NnError> {
        Ok(Self { header: SafeTensorsHeader::parse(bytes, file)?, bytes })
    }

    /// The header: names, types, shapes, ranges, metadata.
    pub fn header(&self) -> &SafeTensorsHeader {
        &self.header
    }

    /// The tensors in the order of their bytes.
    pub fn tensors(&self) -> impl Iterator<Item = TensorView<'_>> {
        self.header.tensors().iter().map(|info| self.view(info))
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<TensorView<'_>> {
        self.header.tensor(name).map(|info| self.view(info))
    }

    /// The tensor of that name, or an error that names it.
    ///
    /// # Errors
    ///
    /// [`NnError::MissingTensor`].
    pub fn required(&self, name: &str) -> Result<TensorView<'_>, NnError> {
        self.tensor(name).ok_or_else(|| NnError::MissingTensor {
            file: self.header.file().to_owned(),
            name: name.to_owned(),
        })
    }

    fn view<'s>(&'s self, info: &'s TensorInfo) -> TensorView<'s> {
        TensorView {
            info,
            file: self.header.file(),
            // The header's check made sure that the range lies inside the file.
            data: &self.bytes[info.range()],
        }
    }
}

/// One tensor of a file: its description and its bytes, little-endian, row-major.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    info: &'a TensorInfo,
    file: &'a str,
    data: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// The tensor's name.
    pub fn name(&self) -> &'a str {
        self.info.name()
    }

    /// The type of its elements.
    pub fn dtype(&self) -> Dtype {
        self.info.dtype()
    }

    /// Its shape; empty for a scalar.
    pub fn shape(&self) -> &'a [usize] {
        self.info.shape()
    }

    /// Its bytes, without a copy.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Its numbers as f32: F32 unchanged; F16, BF16 and the 8-bit formats exactly; F64 rounded
    /// once to nearest, ties to even.
    ///
    /// # Errors
    ///
    /// [`NnError::Unsupported`] for integers and booleans, which are not weights.
    pub fn to_f32(&self) -> Result<ArrayD<f32>, NnError> {
        let data = self.data;
        let values = match self.dtype() {
            Dtype::F64 => elements(data, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
            Dtype::F32 => elements(data, f32::from_le_bytes),
            Dtype::F16 => elements(data, |b| fpbits::f16_to_f32(u16::from_le_bytes(b))),
            Dtype::Bf16 => elements(data, |b| fpbits::bf16_to_f32(u16::from_le_bytes(b))),
            Dtype::F8E4m3 => elements(data, |[b]: [u8; 1]| fpbits::e4m3fn_to_f32(b)),
            Dtype::F8E5m2 => elements(data, |[b]: [u8; 1]| fpbits::e5m2_to_f32(b)),
            _ => return Err(self.refuse()),
        };
        Ok(self.shaped(values))
    }

    /// Its numbers as f64, exactly.
    ///
    /// # Errors
    ///
    /// [`NnError::Unsupported`] for integers and booleans.
    pub fn to_f64(&self) -> Result<ArrayD<f64>, NnError> {
        if self.dtype() == Dtype::F64 {
            return Ok(self.shaped(elements(self.data, f64::from_le_bytes)));
        }
        Ok(self.to_f32()?.mapv(f64::from))
    }

    /// Its whole numbers: I8 to I64, U8 to U32, and U64 as far as i64 reaches.
    ///
    /// # Errors
    ///
    /// [`NnError::Unsupported`] for floats and booleans, [`NnError::InvalidValue`] for a U64
    /// beyond `i64::MAX`.
    pub fn to_i64(&self) -> Result<ArrayD<i64>, NnError> {
        let data = self.data;
        let values = match self.dtype() {
            Dtype::I8 => elements(data, |b| i64::from(i8::from_le_bytes(b))),
            Dtype::U8 => elements(data, |b| i64::from(u8::from_le_bytes(b))),
            Dtype::I16 => elements(data, |b| i64::from(i16::from_le_bytes(b))),
            Dtype::U16 => elements(data, |b| i64::from(u16::from_le_bytes(b))),
            Dtype::I32 => elements(data, |b| i64::from(i32::from_le_bytes(b))),
            Dtype::U32 => elements(data, |b| i64::from(u32::from_le_bytes(b))),
            Dtype::I64 => elements(data, i64::from_le_bytes),
            Dtype::U64 => {
                let wide = elements(data, u64::from_le_bytes);
                let narrow = |value: u64| {
                    i64::try_from(value).map_err(|_| NnError::InvalidValue {
                        file: self.file.to_owned(),
                        field: self.name().to_owned(),
                        value: value.to_string(),
                        rule: "it must be at most 2^63 - 1",
                    })
                };
                wide.into_iter().map(narrow).collect::<Result<_, _>>()?
            }
            _ => return Err(self.refuse()),
        };
        Ok(self.shaped(values))
    }

    fn shaped<E>(&self, values: Vec<E>) -> ArrayD<E> {
        ArrayD::from_shape_vec(IxDyn(self.shape()), values)
            .expect("the header's check made the bytes and the shape agree")
    }

    fn refuse(&self) -> NnError {
        NnError::Unsupported {
            file: self.file.to_owned(),
            field: format!("{}.dtype", self.name()),
            value: self.dtype().name().to_owned(),
        }
    }
}

fn elements<const N: usize, E>(data: &[u8], read: impl Fn([u8; N]) -> E) -> Vec<E> {
    data.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}
