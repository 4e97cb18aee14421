//! A number format, described by data.
//!
//! A code of a format is, from the top, a sign bit (if the format has one), an exponent field `E`
//! and a fraction field `F` of `m` bits. Except for the special codes its value is
//!
//! ```text
//! (-1)^sign x 1.F x 2^(E - bias)    E > 0    a normal number
//! (-1)^sign x 0.F x 2^(1 - bias)    E = 0    zero or a subnormal number
//! ```
//!
//! so that without the sign, codes ascend as values do. What distinguishes formats beyond the two
//! widths is which codes are taken away from this pattern for infinities and NaN.

mod design;
mod layout;
mod named;
mod p3109;

#[cfg(feature = "alloc")]
pub use design::Derivation;
pub use design::Design;
pub use layout::{Layout, NanCodes, Overflow};
pub use p3109::{Domain, Signedness};

use crate::FpbitsError;
use crate::arithmetic::Hardware;

/// A number format of up to 64 bits: a [`Layout`] that has been found consistent.
///
/// Codes are `u64`, right-aligned; bits above [`Format::width`] are ignored on the way in and
/// zero on the way out.
///
/// # Examples
/// ```
/// use fpbits::{Format, Layout};
///
/// let f = Format::BINARY16;
/// assert_eq!((f.width(), f.layout().bias), (16, 15));
/// assert_eq!(f.to_decimal(f.max_finite()).unwrap().to_string(), "65504");
///
/// // A format of one's own: 3 exponent bits and 2 fraction bits in IEEE 754's manner.
/// let tiny = Format::new(Layout::ieee(3, 2)).unwrap();
/// assert_eq!(tiny.to_decimal(tiny.max_finite()).unwrap().to_string(), "14");
/// assert_eq!(tiny.finite_values().count(), 55); // 56 codes, two of which are zero
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    layout: Layout,
    /// Which of the processor's formats it is; follows from the layout.
    pub(crate) hardware: Hardware,
}

impl Format {
    /// The format with this layout.
    ///
    /// # Errors
    /// If the widths are out of range or parts of the layout exclude each other.
    pub const fn new(layout: Layout) -> Result<Format, FpbitsError> {
        if layout.exponent_bits < 1 || layout.exponent_bits > 15 {
            return Err(FpbitsError::ExponentBits { bits: layout.exponent_bits });
        }
        let bits = layout.fraction_bits.saturating_add(layout.exponent_bits + layout.sign as u32);
        if bits > 64 {
            return Err(FpbitsError::TooWide { bits });
        }
        if layout.bias < -65_535 || layout.bias > 65_535 {
            return Err(FpbitsError::Bias { bias: layout.bias });
        }
        if let Some(what) = layout.contradiction() {
            return Err(FpbitsError::Contradiction { what });
        }
        let format = Format::of(layout.settled());
        if format.max_finite() < format.min_positive() {
            return Err(FpbitsError::Contradiction { what: "no number other than zero is left" });
        }
        Ok(format)
    }

    /// The format of a layout that is known to be consistent and settled.
    const fn of(layout: Layout) -> Format {
        Format { layout, hardware: Hardware::of(&layout) }
    }

    /// The choices that make this format.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The same format with another answer to numbers too large.
    ///
    /// # Errors
    /// If the format lacks the code that the answer needs.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Overflow};
    /// let saturating = Format::E4M3FN.with_overflow(Overflow::Saturate).unwrap();
    /// assert_eq!(Format::BINARY32.convert(1e9f32.to_bits().into(), &saturating), 0x7e);
    /// assert_eq!(Format::BINARY32.convert(1e9f32.to_bits().into(), &Format::E4M3FN), 0x7f);
    /// ```
    pub const fn with_overflow(&self, overflow: Overflow) -> Result<Format, FpbitsError> {
        Format::new(Layout { overflow, ..self.layout })
    }

    /// The same format with subnormal numbers read and written as zero.
    ///
    /// # Errors
    /// If no number other than zero would be left.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format};
    /// let f = Format::E4M3.without_subnormals().unwrap();
    /// // Two numbers that differ by nothing.
    /// assert_eq!(f.subtract(0x09, 0x08, Context::NEAREST_EVEN).code, 0);
    /// ```
    pub const fn without_subnormals(&self) -> Result<Format, FpbitsError> {
        Format::new(Layout { subnormals: false, ..self.layout })
    }

    /// How many bits a code has.
    pub const fn width(&self) -> u32 {
        self.layout.sign as u32 + self.magnitude_bits()
    }

    /// The number of significant bits of a normal number: the fraction's and the implied one.
    pub const fn precision(&self) -> u32 {
        self.layout.fraction_bits + 1
    }

    /// The exponent of the smallest normal number.
    pub const fn min_exponent(&self) -> i32 {
        self.first_field() as i32 - self.layout.bias
    }

    /// The exponent e of the largest finite value, 2^e <= value < 2^(e + 1).
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY64.max_exponent(), 1023);
    /// assert_eq!(Format::E4M3FN.max_exponent(), 8); // 448 = 1.75 x 2^8
    /// ```
    pub const fn max_exponent(&self) -> i32 {
        let field = (self.max_finite() >> self.layout.fraction_bits) as i32;
        if field < self.first_field() as i32 {
            // Subnormal numbers are all there are: the leading bit of the largest one.
            return self.max_finite().ilog2() as i32 + self.quantum_exponent();
        }
        field - self.layout.bias
    }

    /// The exponent field of the smallest normal numbers: 1, or 0 in formats without zero.
    pub(crate) const fn first_field(&self) -> u64 {
        self.layout.zero as u64
    }

    /// The exponent of the spacing of the subnormal (and smallest normal) numbers.
    pub const fn quantum_exponent(&self) -> i32 {
        self.min_exponent() - self.layout.fraction_bits as i32
    }

    /// The exponent of the distance from 1 to the next larger number: 2^-fraction_bits.
    pub const fn epsilon_exponent(&self) -> i32 {
        -(self.layout.fraction_bits as i32)
    }

    /// Whether zero has two codes.
    pub const fn has_negative_zero(&self) -> bool {
        self.layout.negative_zero
    }

    /// The code of the largest finite value.
    pub const fn max_finite(&self) -> u64 {
        let ones = self.magnitude_mask();
        let not_numbers = match self.layout.nan {
            NanCodes::TopExponent => {
                return (ones >> self.layout.fraction_bits << self.layout.fraction_bits) - 1;
            }
            NanCodes::AllOnes => 1,
            NanCodes::NegativeZero | NanCodes::None => 0,
        };
        ones - not_numbers - self.layout.infinities as u64
    }

    /// The code of the smallest positive normal number.
    pub const fn min_normal(&self) -> u64 {
        self.first_field() << self.layout.fraction_bits
    }

    /// The code of the smallest positive number.
    pub const fn min_positive(&self) -> u64 {
        if self.layout.subnormals && self.layout.fraction_bits > 0 { 1 } else { self.min_normal() }
    }

    /// The code of positive infinity, if there is one.
    pub const fn infinity(&self) -> Option<u64> {
        if self.layout.infinities { Some(self.max_finite() + 1) } else { None }
    }

    /// The code of the NaN that operations return, if there is one: positive and quiet.
    pub const fn nan(&self) -> Option<u64> {
        match self.layout.nan {
            NanCodes::TopExponent => {
                Some(self.max_finite() + 1 + (1 << (self.layout.fraction_bits - 1)))
            }
            NanCodes::AllOnes => Some(self.magnitude_mask()),
            NanCodes::NegativeZero => Some(self.sign_mask()),
            NanCodes::None => None,
        }
    }

    pub(crate) const fn magnitude_bits(&self) -> u32 {
        self.layout.exponent_bits + self.layout.fraction_bits
    }

    pub(crate) const fn magnitude_mask(&self) -> u64 {
        u64::MAX >> (64 - self.magnitude_bits())
    }

    pub(crate) const fn fraction_mask(&self) -> u64 {
        (1 << self.layout.fraction_bits) - 1
    }

    /// The sign bit in its place, or 0 without one.
    pub(crate) const fn sign_mask(&self) -> u64 {
        if self.layout.sign { 1 << self.magnitude_bits() } else { 0 }
    }

    /// The code of the given sign and magnitude.
    pub(crate) const fn signed(&self, negative: bool, magnitude: u64) -> u64 {
        if negative { self.sign_mask() | magnitude } else { magnitude }
    }
}
