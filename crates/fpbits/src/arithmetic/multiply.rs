//! Multiplication: the product of two significands of up to 64 bits has up to 128, all of which
//! are kept.

use super::exact::Exact;
use crate::{Context, Format, Number, Rounded, Unrounded, Value};

impl Format {
    /// a x b. Zero times infinity is invalid.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format};
    /// let f = Format::E4M3FN;
    /// let x = f.parse("20").unwrap();
    /// let square = f.multiply(x, x, Context::NEAREST_EVEN);
    /// assert_eq!(f.to_shortest(square.code), "400"); // 416, the nearest to 400
    /// assert_eq!(square.flags, Flags::INEXACT);
    /// ```
    pub const fn multiply(&self, a: u64, b: u64, context: Context) -> Rounded {
        if let Some(rounded) = self.hardware.multiply(a, b, context) {
            return rounded;
        }
        self.round_exact(&Exact::product(&self.decode(a), &self.decode(b)), context)
    }
}

impl Exact {
    /// a x b, exactly.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Value};
    /// let p = Exact::product(&Value::of_f32(1e30), &Value::of_f32(1e30));
    /// // Too large for binary32, not for binary64.
    /// let wide = Format::BINARY64.round_exact(&p, Context::NEAREST_EVEN);
    /// assert_eq!(f64::from_bits(wide.code), f64::from(1e30f32) * f64::from(1e30f32));
    /// ```
    pub const fn product(a: &Value, b: &Value) -> Exact {
        match (*a, *b) {
            (Value::Nan { .. }, _) | (_, Value::Nan { .. }) => Exact::nan_among([a, b, b]),
            (Value::Infinite { .. }, Value::Zero { .. })
            | (Value::Zero { .. }, Value::Infinite { .. }) => Exact::invalid(),
            (Value::Infinite { .. }, _) | (_, Value::Infinite { .. }) => {
                Exact::infinite(a.is_negative() != b.is_negative())
            }
            (Value::Zero { .. }, _) | (_, Value::Zero { .. }) => {
                Exact::zero(a.is_negative() != b.is_negative())
            }
            (Value::Finite(x), Value::Finite(y)) => Exact::number(product(x, y)),
        }
    }
}

pub(super) const fn product(x: Number, y: Number) -> Unrounded {
    Unrounded {
        negative: x.negative != y.negative,
        significand: x.significand as u128 * y.significand as u128,
        exponent: x.exponent + y.exponent,
        sticky: false,
    }
}
