//! Conversions to and from integers.

use super::exact::{Exact, ExactValue};
use crate::{Context, Flags, Format, Rounded, Unrounded, Value};

/// A type of integers.
///
/// # Examples
/// ```
/// use fpbits::Integer;
/// assert_eq!(Integer::I8.range(), -128..=127);
/// assert_eq!(Integer { bits: 4, signed: false }.range(), 0..=15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Integer {
    /// The width in bits, 1 to 64.
    pub bits: u32,
    /// Whether it is signed, in two's complement.
    pub signed: bool,
}

impl Integer {
    /// `i8`.
    pub const I8: Integer = Integer { bits: 8, signed: true };
    /// `i32`.
    pub const I32: Integer = Integer { bits: 32, signed: true };
    /// `i64`.
    pub const I64: Integer = Integer { bits: 64, signed: true };
    /// `u8`.
    pub const U8: Integer = Integer { bits: 8, signed: false };
    /// `u32`.
    pub const U32: Integer = Integer { bits: 32, signed: false };
    /// `u64`.
    pub const U64: Integer = Integer { bits: 64, signed: false };

    /// The integers of the type.
    ///
    /// # Panics
    /// If the width is not within 1 to 64.
    pub const fn range(self) -> core::ops::RangeInclusive<i128> {
        assert!(self.bits >= 1 && self.bits <= 64, "an integer of 1 to 64 bits");
        match self.signed {
            true => -(1i128 << (self.bits - 1))..=(1i128 << (self.bits - 1)) - 1,
            false => 0..=(1i128 << self.bits) - 1,
        }
    }
}

/// The result of a conversion to an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ToInteger {
    /// The integer; `None` if the operand is NaN or rounds to something out of range.
    pub value: Option<i128>,
    /// What was signalled: invalid if there is no integer, else inexact if it differs.
    pub flags: Flags,
}

impl Format {
    /// a rounded to an integer of the given type (convertToIntegerExact).
    ///
    /// # Panics
    /// If the type has no bits or more than 64.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format, Integer, Rounding};
    /// let f = Format::BINARY32;
    /// let x = f.parse("127.5").unwrap();
    /// let down = f.to_integer(x, Integer::I8, Context::new(Rounding::Down));
    /// assert_eq!((down.value, down.flags), (Some(127), Flags::INEXACT));
    /// let nearest = f.to_integer(x, Integer::I8, Context::NEAREST_EVEN);
    /// assert_eq!((nearest.value, nearest.flags), (None, Flags::INVALID)); // 128
    /// ```
    pub const fn to_integer(&self, a: u64, integer: Integer, context: Context) -> ToInteger {
        let range = integer.range();
        let exact = Exact::integral(&self.decode(a), context.rounding);
        let value = match exact.value {
            ExactValue::Zero { .. } => Some(0),
            ExactValue::Number(Unrounded { negative, significand, exponent, .. }) => {
                // Beyond 64 bits it is out of range, whatever the exact value.
                if significand.ilog2() as i64 + exponent as i64 > 64 {
                    None
                } else {
                    let magnitude = (significand << exponent) as i128;
                    Some(if negative { -magnitude } else { magnitude })
                }
            }
            _ => None,
        };
        match value {
            Some(value) if *range.start() <= value && value <= *range.end() => {
                ToInteger { value: Some(value), flags: exact.flags }
            }
            _ => ToInteger { value: None, flags: Flags::INVALID },
        }
    }

    /// The code that an integer rounds to.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format};
    /// let f = Format::BINARY32;
    /// let rounded = f.from_integer(16_777_217, Context::NEAREST_EVEN); // 2^24 + 1
    /// assert_eq!(f32::from_bits(rounded.code as u32), 16_777_216.0);
    /// assert_eq!(rounded.flags, Flags::INEXACT);
    /// ```
    pub const fn from_integer(&self, value: i128, context: Context) -> Rounded {
        if value == 0 {
            return self.encode_with(&Value::Zero { negative: false }, context);
        }
        let exact = Unrounded {
            negative: value < 0,
            significand: value.unsigned_abs(),
            exponent: 0,
            sticky: false,
        };
        self.round_with(&exact, context)
    }
}
