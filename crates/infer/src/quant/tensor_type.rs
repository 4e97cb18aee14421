//! The element formats that GGUF files carry, by number, name and block size.

use std::fmt;

/// An element format of GGUF: its number in files, its block of elements and the bytes of a block.
///
/// All formats of the ggml family are known here, so that a file can be listed and checked whatever
/// it holds; [`Matrix::new`](crate::Matrix::new) refuses those that this crate does not multiply with.
///
/// Numbers and layouts: the GGUF specification,
/// <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
///
/// # Examples
///
/// ```
/// use ulp_infer::TensorType;
///
/// let ty = TensorType::Q4_K;
/// assert_eq!((ty.block_elements(), ty.block_bytes()), (256, 144));
/// assert_eq!(TensorType::from_id(12), Some(ty));
/// assert_eq!("Q4_K".parse(), Ok(ty));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(non_camel_case_types)] // The names are the ones files, tools and papers use.
#[allow(missing_docs)] // A name is all there is to say; the layouts are documented per format.
#[non_exhaustive]
pub enum TensorType {
    F32,
    F16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q8_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    Q8_K,
    IQ2_XXS,
    IQ2_XS,
    IQ3_XXS,
    IQ1_S,
    IQ4_NL,
    IQ3_S,
    IQ2_S,
    IQ4_XS,
    I8,
    I16,
    I32,
    I64,
    F64,
    IQ1_M,
    BF16,
    TQ1_0,
    TQ2_0,
    MXFP4,
    NVFP4,
}

use TensorType::*;

/// (format, number in files, name, elements of a block, bytes of a block).
const TABLE: [(TensorType, u32, &str, usize, usize); 33] = [
    (F32, 0, "F32", 1, 4),
    (F16, 1, "F16", 1, 2),
    (Q4_0, 2, "Q4_0", 32, 18),
    (Q4_1, 3, "Q4_1", 32, 20),
    // 4 and 5 were Q4_2 and Q4_3, withdrawn before GGUF existed.
    (Q5_0, 6, "Q5_0", 32, 22),
    (Q5_1, 7, "Q5_1", 32, 24),
    (Q8_0, 8, "Q8_0", 32, 34),
    (Q8_1, 9, "Q8_1", 32, 36),
    (Q2_K, 10, "Q2_K", 256, 84),
    (Q3_K, 11, "Q3_K", 256, 110),
    (Q4_K, 12, "Q4_K", 256, 144),
    (Q5_K, 13, "Q5_K", 256, 176),
    (Q6_K, 14, "Q6_K", 256, 210),
    (Q8_K, 15, "Q8_K", 256, 292),
    (IQ2_XXS, 16, "IQ2_XXS", 256, 66),
    (IQ2_XS, 17, "IQ2_XS", 256, 74),
    (IQ3_XXS, 18, "IQ3_XXS", 256, 98),
    (IQ1_S, 19, "IQ1_S", 256, 50),
    (IQ4_NL, 20, "IQ4_NL", 32, 18),
    (IQ3_S, 21, "IQ3_S", 256, 110),
    (IQ2_S, 22, "IQ2_S", 256, 82),
    (IQ4_XS, 23, "IQ4_XS", 256, 136),
    (I8, 24, "I8", 1, 1),
    (I16, 25, "I16", 1, 2),
    (I32, 26, "I32", 1, 4),
    (I64, 27, "I64", 1, 8),
    (F64, 28, "F64", 1, 8),
    (IQ1_M, 29, "IQ1_M", 256, 56),
    (BF16, 30, "BF16", 1, 2),
    // 31 to 33 and 36 to 38 were layouts repacked for one processor, withdrawn from files.
    (TQ1_0, 34, "TQ1_0", 256, 54),
    (TQ2_0, 35, "TQ2_0", 256, 66),
    (MXFP4, 39, "MXFP4", 32, 17),
    (NVFP4, 40, "NVFP4", 64, 36),
];

impl TensorType {
    /// Every format, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = TensorType> {
        TABLE.iter().map(|row| row.0)
    }

    /// The format with this number in GGUF files.
    pub fn from_id(id: u32) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == id).map(|row| row.0)
    }

    /// The number of this format in GGUF files.
    pub const fn id(self) -> u32 {
        TABLE[self as usize].1
    }

    /// The name tools print, such as `Q4_K`.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// Elements of one block; 1 for plain numbers.
    pub const fn block_elements(self) -> usize {
        TABLE[self as usize].3
    }

    /// Bytes of one block.
    pub const fn block_bytes(self) -> usize {
        TABLE[self as usize].4
    }

    /// Bytes of `elements` elements; `None` when they do not fill whole blocks or the count does
    /// not fit.
    pub fn bytes_of(self, elements: usize) -> Option<usize> {
        if !elements.is_multiple_of(self.block_elements()) {
            return None;
        }
        (elements / self.block_elements()).checked_mul(self.block_bytes())
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no format bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTensorType(pub String);

impl fmt::Display for UnknownTensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no tensor type is called {:?}", self.0)
    }
}

impl std::error::Error for UnknownTensorType {}

impl std::str::FromStr for TensorType {
    type Err = UnknownTensorType;

    /// Accepts the names in either case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        TABLE
            .iter()
            .find(|row| row.2.eq_ignore_ascii_case(name))
            .map(|row| row.0)
            .ok_or_else(|| UnknownTensorType(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, i, "{}", row.2);
            assert_eq!(format!("{:?}", row.0), row.2);
            assert_eq!(TensorType::from_id(row.1), Some(row.0));
        }
    }
}
