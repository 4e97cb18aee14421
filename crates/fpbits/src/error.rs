//! What can be wrong with a format's description or with a number's text.

use alloc::string::String;
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
    UnknownFormat {
        /// The text.
        text: String,
    },
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
            FpbitsError::UnknownFormat { text } => write!(
                f,
                "`{text}` is neither the name of a format nor EXPONENTxFRACTION such as 5x10"
            ),
            FpbitsError::NotANumber { offset, expected } => {
                write!(f, "not a number: expected {expected} at byte {offset}")
            }
        }
    }
}

impl core::error::Error for FpbitsError {}
