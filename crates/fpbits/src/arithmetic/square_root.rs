//! The square root: the integer root of a significand shifted far enough, and whether a remainder
//! is left.

use super::divide::ENOUGH_BITS;
use super::exact::Exact;
use crate::{Context, Format, Number, Rounded, Unrounded, Value};

impl Format {
    /// The square root of a. The root of negative zero is negative zero; of anything else below
    /// zero it is invalid.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format};
    /// let f = Format::BINARY64;
    /// let root = f.square_root(2f64.to_bits(), Context::NEAREST_EVEN);
    /// assert_eq!(f64::from_bits(root.code), 2f64.sqrt());
    /// ```
    pub const fn square_root(&self, a: u64, context: Context) -> Rounded {
        let bits = self.precision() + 1 + context.rounding.resolution();
        self.round_exact(&square_root(&self.decode(a), bits), context)
    }
}

impl Exact {
    /// The square root of a, to at least 98 leading bits.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Value};
    /// let root = Exact::square_root(&Value::of_f64(2.0));
    /// let f = Format::E4M3FN;
    /// let rounded = f.round_exact(&root, Context::NEAREST_EVEN);
    /// assert_eq!(f.to_decimal(rounded.code).unwrap().to_string(), "1.375");
    /// ```
    pub const fn square_root(a: &Value) -> Exact {
        square_root(a, ENOUGH_BITS)
    }
}

const fn square_root(a: &Value, bits: u32) -> Exact {
    match *a {
        Value::Nan { .. } => Exact::nan_among([a, a, a]),
        Value::Zero { negative } => Exact::zero(negative),
        Value::Infinite { negative: false } => Exact::infinite(false),
        Value::Finite(number) if !number.negative => Exact::number(root(number, bits)),
        Value::Finite(_) | Value::Infinite { .. } => Exact::invalid(),
    }
}

/// The root of a positive number to at least `bits` leading bits.
const fn root(number: Number, bits: u32) -> Unrounded {
    // An even exponent, so that it can be halved.
    let odd = number.exponent & 1;
    let (radicand, exponent) = ((number.significand as u128) << odd, number.exponent - odd);
    // A root of n bits has a square of 2n - 1 or 2n bits.
    let length = radicand.ilog2() + 1;
    let wanted = (2 * bits).saturating_sub(length).div_ceil(2);
    let room = (128 - length) / 2;
    let first = if wanted < room { wanted } else { room };
    let square = radicand << (2 * first);
    let mut root = match square >> 64 {
        0 => (square as u64).isqrt() as u128,
        _ => square.isqrt(),
    };
    let mut remainder = square - root * root;
    // Two more bits of the radicand, all zero, give one more of the root.
    let mut i = first;
    while i < wanted {
        remainder <<= 2;
        let trial = root << 2 | 1;
        root <<= 1;
        if remainder >= trial {
            remainder -= trial;
            root |= 1;
        }
        i += 1;
    }
    Unrounded {
        negative: false,
        significand: root,
        exponent: exponent / 2 - wanted as i32,
        sticky: remainder != 0,
    }
}
