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

use crate::FpbitsError;

/// Which codes are not numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NanCodes {
    /// The exponent field is all ones and the fraction is not zero, as in IEEE 754.
    TopExponent,
    /// Exponent and fraction are all ones (OCP's E4M3): one code for each sign.
    AllOnes,
    /// The code that would be negative zero (the FNUZ formats, IEEE P3109): one code, and no
    /// negative zero.
    NegativeZero,
    /// No code: the format has numbers only (OCP's 6- and 4-bit formats).
    None,
}

/// What becomes of a finite number that rounds beyond the largest finite value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It becomes infinite, as IEEE 754 asks when rounding to nearest.
    Infinity,
    /// It becomes the largest finite value of its sign.
    Saturate,
    /// It becomes NaN.
    Nan,
}

/// The free choices of a format; [`Format::new`] checks that they go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Whether there is a sign bit.
    pub sign: bool,
    /// Width of the exponent field, 1 to 15.
    pub exponent_bits: u32,
    /// Width of the fraction field.
    pub fraction_bits: u32,
    /// What is subtracted from the exponent field.
    pub bias: i32,
    /// Whether there are infinities. Their code follows that of the largest finite value.
    pub infinities: bool,
    /// Which codes are NaN.
    pub nan: NanCodes,
    /// Whether a zero exponent field holds subnormal numbers. If not, it means zero whatever the
    /// fraction field holds.
    pub subnormals: bool,
    /// What becomes of numbers too large.
    pub overflow: Overflow,
}

impl Layout {
    /// The layout IEEE 754 gives to these widths: bias 2^(e-1) - 1, infinities, NaN in the top
    /// exponent, subnormals, overflow to infinity.
    pub const fn ieee(exponent_bits: u32, fraction_bits: u32) -> Layout {
        let bias = match exponent_bits {
            1..=31 => (1 << (exponent_bits - 1)) - 1,
            _ => 0, // refused by Format::new
        };
        Layout {
            sign: true,
            exponent_bits,
            fraction_bits,
            bias,
            infinities: true,
            nan: NanCodes::TopExponent,
            subnormals: true,
            overflow: Overflow::Infinity,
        }
    }

    /// IEEE 754's bias and subnormals, but numbers only: no infinities, the given NaN codes and
    /// overflow.
    const fn finite(
        exponent_bits: u32,
        fraction_bits: u32,
        bias: i32,
        nan: NanCodes,
        overflow: Overflow,
    ) -> Layout {
        Layout {
            bias,
            infinities: false,
            nan,
            overflow,
            ..Layout::ieee(exponent_bits, fraction_bits)
        }
    }
}

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
}

impl Format {
    /// IEEE 754 binary16, half precision.
    pub const BINARY16: Format = Format { layout: Layout::ieee(5, 10) };
    /// IEEE 754 binary32, single precision: Rust's `f32`.
    pub const BINARY32: Format = Format { layout: Layout::ieee(8, 23) };
    /// IEEE 754 binary64, double precision: Rust's `f64`.
    pub const BINARY64: Format = Format { layout: Layout::ieee(11, 52) };
    /// bfloat16: binary32 without the lower half of its bits.
    pub const BFLOAT16: Format = Format { layout: Layout::ieee(8, 7) };
    /// TF32, the operands of matrix products on NVIDIA's tensor cores: the exponent of binary32
    /// and the fraction of binary16, 19 bits.
    pub const TF32: Format = Format { layout: Layout::ieee(8, 10) };
    /// E5M2 of the OCP 8-bit Floating Point Specification, in its non-saturating mode.
    pub const E5M2: Format = Format { layout: Layout::ieee(5, 2) };
    /// E4M3 of the OCP 8-bit Floating Point Specification, in its non-saturating mode: no
    /// infinities, one NaN a sign.
    pub const E4M3FN: Format =
        Format { layout: Layout::finite(4, 3, 7, NanCodes::AllOnes, Overflow::Nan) };
    /// 4 exponent and 3 fraction bits as IEEE 754 would lay them out (not OCP's).
    pub const E4M3: Format = Format { layout: Layout::ieee(4, 3) };
    /// 3 exponent and 4 fraction bits as IEEE 754 would lay them out.
    pub const E3M4: Format = Format { layout: Layout::ieee(3, 4) };
    /// E4M3FNUZ: bias 8, NaN in the place of negative zero
    /// ([8-bit Numerical Formats for Deep Neural Networks](https://arxiv.org/abs/2206.02915)).
    pub const E4M3FNUZ: Format =
        Format { layout: Layout::finite(4, 3, 8, NanCodes::NegativeZero, Overflow::Nan) };
    /// E5M2FNUZ: bias 16, NaN in the place of negative zero (same paper).
    pub const E5M2FNUZ: Format =
        Format { layout: Layout::finite(5, 2, 16, NanCodes::NegativeZero, Overflow::Nan) };
    /// E4M3B11FNUZ: bias 11, NaN in the place of negative zero
    /// ([Hybrid 8-bit Floating Point](https://papers.nips.cc/paper/2019/hash/65fc9fb4897a89789352e211ca2d398f-Abstract.html)).
    pub const E4M3B11FNUZ: Format =
        Format { layout: Layout::finite(4, 3, 11, NanCodes::NegativeZero, Overflow::Nan) };
    /// E3M2 of the OCP Microscaling Formats Specification: 6 bits, numbers only.
    pub const E3M2: Format =
        Format { layout: Layout::finite(3, 2, 3, NanCodes::None, Overflow::Saturate) };
    /// E2M3 of the OCP Microscaling Formats Specification: 6 bits, numbers only.
    pub const E2M3: Format =
        Format { layout: Layout::finite(2, 3, 1, NanCodes::None, Overflow::Saturate) };
    /// E2M1 of the OCP Microscaling Formats Specification: 4 bits, numbers only.
    pub const E2M1: Format =
        Format { layout: Layout::finite(2, 1, 1, NanCodes::None, Overflow::Saturate) };

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
        match contradiction(&layout) {
            Some(what) => Err(FpbitsError::Contradiction { what }),
            None => Ok(Format { layout }),
        }
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
        1 - self.layout.bias
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
        self.layout.sign && !matches!(self.layout.nan, NanCodes::NegativeZero)
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
        1 << self.layout.fraction_bits
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

/// Why a layout cannot be, if it cannot.
const fn contradiction(layout: &Layout) -> Option<&'static str> {
    let magnitude_bits = layout.exponent_bits + layout.fraction_bits;
    match layout.nan {
        NanCodes::TopExponent if layout.fraction_bits == 0 => {
            return Some("NaN in the top exponent is told from infinity by its fraction: 0 bits");
        }
        NanCodes::TopExponent if !layout.infinities => {
            return Some("NaN in the top exponent leaves the fraction 0 to infinity: not there");
        }
        NanCodes::NegativeZero if !layout.sign => {
            return Some("NaN in the place of negative zero needs a sign bit");
        }
        _ => {}
    }
    match layout.overflow {
        Overflow::Infinity if !layout.infinities => {
            return Some("overflow to infinity needs infinities");
        }
        Overflow::Nan if matches!(layout.nan, NanCodes::None) => {
            return Some("overflow to NaN needs a NaN");
        }
        _ => {}
    }
    if magnitude_bits < 2 {
        return Some("exponent and fraction need two bits to hold a number besides zero");
    }
    if layout.exponent_bits == 1
        && !layout.subnormals
        && (matches!(layout.nan, NanCodes::TopExponent))
    {
        return Some("with the top exponent reserved and no subnormals only zero is left");
    }
    None
}
