/// The element types of a safetensors file whose elements are whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// `BOOL`: one byte, zero or one.
    Bool,
    /// `U8`.
    U8,
    /// `I8`.
    I8,
    /// `F8_E5M2`: 5 exponent bits, 2 fraction bits.
    F8E5m2,
    /// `F8_E4M3`: 4 exponent bits, 3 fraction bits, no infinities.
    F8E4m3,
    /// `I16`.
    I16,
    /// `U16`.
    U16,
    /// `F16`: IEEE 754 binary16.
    F16,
    /// `BF16`: binary32 without its lower 16 fraction bits.
    Bf16,
    /// `I32`.
    I32,
    /// `U32`.
    U32,
    /// `F32`: IEEE 754 binary32.
    F32,
    /// `I64`.
    I64,
    /// `U64`.
    U64,
    /// `F64`: IEEE 754 binary64.
    F64,
}

/// The table of the format: name in the header, bytes an element.
const TABLE: [(Dtype, &str, usize); 15] = [
    (Dtype::Bool, "BOOL", 1),
    (Dtype::U8, "U8", 1),
    (Dtype::I8, "I8", 1),
    (Dtype::F8E5m2, "F8_E5M2", 1),
    (Dtype::F8E4m3, "F8_E4M3", 1),
    (Dtype::I16, "I16", 2),
    (Dtype::U16, "U16", 2),
    (Dtype::F16, "F16", 2),
    (Dtype::Bf16, "BF16", 2),
    (Dtype::I32, "I32", 4),
    (Dtype::U32, "U32", 4),
    (Dtype::F32, "F32", 4),
    (Dtype::I64, "I64", 8),
    (Dtype::U64, "U64", 8),
    (Dtype::F64, "F64", 8),
];

impl Dtype {
    /// The type's name in a header.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// How many bytes an element takes.
    pub fn size(self) -> usize {
        TABLE[self as usize].2
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, (dtype, name, _)) in TABLE.into_iter().enumerate() {
            assert_eq!(dtype as usize, index);
            assert_eq!(Dtype::from_name(name), Some(dtype));
        }
    }
}
