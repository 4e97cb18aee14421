//! What an operation gives before it is rounded.

use crate::{Context, Flags, Format, Rounded, Rounding, Unrounded, Value};

/// The exact result of an operation, outside any format.
///
/// The constructors ([`Exact::sum`], [`Exact::product`], ...) take exact values, which may come
/// from different formats, and [`Format::round_exact`] rounds the result into a third: IEEE 754's
/// formatOf operations.
///
/// # Examples
/// ```
/// use fpbits::{Context, Exact, Format};
/// // bfloat16 x E4M3FN, rounded once into binary16.
/// let (a, b) = (Format::BFLOAT16, Format::E4M3FN);
/// let x = a.decode(a.parse("1.0078125").unwrap());
/// let y = b.decode(b.parse("1.125").unwrap());
/// let product = Exact::product(&x, &y);
/// let f = Format::BINARY16;
/// assert_eq!(f.to_shortest(f.round_exact(&product, Context::NEAREST_EVEN).code), "1.134");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exact {
    /// The result.
    pub value: ExactValue,
    /// What the operation signalled whatever the result is rounded to.
    pub flags: Flags,
}

/// The values an [`Exact`] can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExactValue {
    /// Zero, with its sign.
    Zero {
        /// Whether it is negative zero.
        negative: bool,
    },
    /// Zero as the sum of two numbers that cancel: negative if rounded down, else positive.
    Cancelled,
    /// Any other finite number, or its leading bits.
    Number(Unrounded),
    /// Infinity, with its sign.
    Infinite {
        /// Whether it is negative infinity.
        negative: bool,
    },
    /// Not a number; see [`Value::Nan`].
    Nan {
        /// The sign bit.
        negative: bool,
        /// The payload, in the upper bits.
        fraction: u64,
    },
}

impl Exact {
    pub(super) const fn quiet(value: ExactValue) -> Exact {
        Exact { value, flags: Flags::NONE }
    }

    pub(super) const fn zero(negative: bool) -> Exact {
        Exact::quiet(ExactValue::Zero { negative })
    }

    pub(super) const fn infinite(negative: bool) -> Exact {
        Exact::quiet(ExactValue::Infinite { negative })
    }

    pub(super) const fn number(number: Unrounded) -> Exact {
        Exact::quiet(ExactValue::Number(number))
    }

    /// The result of an operation that has none: NaN, invalid.
    pub(super) const fn invalid() -> Exact {
        let value = ExactValue::Nan { negative: false, fraction: 1 << 63 };
        Exact { value, flags: Flags::INVALID }
    }

    /// A value as the result of an operation, unchanged.
    pub const fn of(value: &Value) -> Exact {
        match *value {
            Value::Zero { negative } => Exact::zero(negative),
            Value::Finite(number) => Exact::number(Unrounded::of(number)),
            Value::Infinite { negative } => Exact::infinite(negative),
            Value::Nan { .. } => Exact::nan_among([value, value, value]),
        }
    }

    /// The result of an operation with a NaN among its operands: the first one, made quiet;
    /// invalid if any is signalling.
    pub(super) const fn nan_among(operands: [&Value; 3]) -> Exact {
        let mut result = Exact::invalid();
        result.flags = Flags::NONE;
        let mut i = operands.len();
        while i > 0 {
            i -= 1;
            if let Value::Nan { negative, fraction } = *operands[i] {
                result.value = ExactValue::Nan { negative, fraction: fraction | 1 << 63 };
                result.flags = result.flags.union(Flags::INVALID.when(operands[i].is_signalling()));
            }
        }
        result
    }
}

impl Format {
    /// Rounds the exact result of an operation.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Rounding, Value};
    /// let (x, y) = (Value::of_f64(0.1), Value::of_f64(0.2));
    /// let sum = Exact::sum(&x, &y);
    /// let single = Format::BINARY32.round_exact(&sum, Context::NEAREST_EVEN);
    /// assert_eq!(f32::from_bits(single.code as u32), 0.3);
    /// ```
    pub const fn round_exact(&self, exact: &Exact, context: Context) -> Rounded {
        let rounded = match exact.value {
            ExactValue::Zero { negative } => self.encode_zero(negative),
            ExactValue::Cancelled => self.encode_zero(matches!(context.rounding, Rounding::Down)),
            ExactValue::Number(ref number) => self.round_with(number, context),
            ExactValue::Infinite { negative } => self.encode_infinity(negative),
            ExactValue::Nan { negative, fraction } => self.encode_nan(negative, fraction | 1 << 63),
        };
        rounded.with(exact.flags)
    }
}
