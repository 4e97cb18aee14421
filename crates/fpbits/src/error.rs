//! What can be wrong with a format's description or with a number's text.

use core::fmt;

/// Everything this crate refuses, with the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FpbitsError {
    /// Sign, exponent and fraction together do not fit into 64 bits.
    TooWide {
        /// The bits the description asks for.
        bits: u32,
    },
    /// The exponent field must have 1 to 15 bits (15 is binary128's).
    ExponentBits {
        /// The bits the description asks for.
        bits: u32,
    },
    /// The bias moves the exponents out of ±65535.
    Bias {
        /// The bias the description asks for.
        bias: i32,
    },
    /// Two parts of a description exclude each other.
    Contradiction {
        /// Which parts, and why.
        what: &'static str,
    },
    /// A text names no known format and is not `EXPONENTxFRACTION` either.
    UnknownFormat,
    /// A format of the P3109 family with these parameters does not exist.
    P3109 {
        /// The width in bits, 2 to 15.
        width: u32,
        /// The precision in bits, from 1 to the width, less one if there is a sign.
        precision: u32,
    },
    /// An IEEE-like format of this width cannot have that many exponent bits.
    Design {
        /// The width in bits.
        total: u32,
        /// The exponent bits asked for.
        exponent: u32,
    },
    /// A text names no function of TestFloat.
    UnknownFunction,
    /// A text names no identity.
    UnknownIdentity,
    /// A text names no rounding direction.
    UnknownRounding,
    /// A text is not a number.
    NotANumber {
        /// Where the first byte stands that does not belong there.
        offset: usize,
        /// What would have been right.
        expected: &'static str,
    },
}

impl fmt::Display for FpbitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FpbitsError::TooWide { bits } => {
                write!(f, "sign, exponent and fraction take {bits} bits, at most 64 are possible")
            }
            FpbitsError::ExponentBits { bits } => {
                write!(f, "{bits} exponent bits, 1 to 15 are possible")
            }
            FpbitsError::Bias { bias } => {
                write!(f, "a bias of {bias} is outside ±65535")
            }
            FpbitsError::Contradiction { what } => write!(f, "{what}"),
            FpbitsError::UnknownFormat => {
                write!(f, "neither the name of a format nor EXPONENTxFRACTION such as 5x10")
            }
            FpbitsError::P3109 { width, precision } => {
                write!(f, "P3109 has no format of {width} bits with a precision of {precision}")
            }
            FpbitsError::Design { total, exponent } => write!(
                f,
                "{total} bits cannot hold a sign, {exponent} exponent bits and a fraction bit"
            ),
            FpbitsError::UnknownFunction => {
                write!(f, "not a function of TestFloat, such as f32_mulAdd or f64_to_i32")
            }
            FpbitsError::UnknownIdentity => {
                write!(f, "not an identity, such as associativity or division")
            }
            FpbitsError::UnknownRounding => {
                write!(f, "not one of nearest-even, nearest-away, toward-zero, up, down, to-odd")
            }
            FpbitsError::NotANumber { offset, expected } => {
                write!(f, "not a number: expected {expected} at byte {offset}")
            }
        }
    }
}

impl core::error::Error for FpbitsError {}
