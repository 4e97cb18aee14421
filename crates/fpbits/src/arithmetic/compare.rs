//! Comparison, and the order of all codes.

use crate::{Flags, Format, Number, Value};
use core::cmp::Ordering;

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// How a stands to b; `None` if either is NaN (unordered).
    pub order: Option<Ordering>,
    /// Invalid if the comparison signals; else nothing.
    pub flags: Flags,
}

impl Format {
    /// How a stands to b: `None` if either is NaN. The two zeros are equal.
    ///
    /// # Examples
    /// ```
    /// use core::cmp::Ordering;
    /// use fpbits::Format;
    /// let f = Format::E5M2;
    /// assert_eq!(f.compare(0x00, 0x80), Some(Ordering::Equal)); // 0 and -0
    /// assert_eq!(f.compare(0x7b, 0x7c), Some(Ordering::Less)); // 57344 and infinity
    /// assert_eq!(f.compare(0x7e, 0x7e), None); // NaN
    /// ```
    pub const fn compare(&self, a: u64, b: u64) -> Option<Ordering> {
        compare(&self.decode(a), &self.decode(b))
    }

    /// [`Format::compare`] as IEEE 754's compareQuiet predicates: a signalling NaN is invalid, a
    /// quiet one is not.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Flags, Format};
    /// let f = Format::BINARY32;
    /// assert_eq!(f.compare_quiet(0x7fc0_0000, 0).flags, Flags::NONE);
    /// assert_eq!(f.compare_quiet(0x7f80_0001, 0).flags, Flags::INVALID);
    /// ```
    pub const fn compare_quiet(&self, a: u64, b: u64) -> Comparison {
        let (x, y) = (self.decode(a), self.decode(b));
        let signals = x.is_signalling() || y.is_signalling();
        Comparison { order: compare(&x, &y), flags: Flags::INVALID.when(signals) }
    }

    /// [`Format::compare`] as IEEE 754's compareSignaling predicates: every NaN is invalid.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Flags, Format};
    /// assert_eq!(Format::BINARY32.compare_signalling(0x7fc0_0000, 0).flags, Flags::INVALID);
    /// ```
    pub const fn compare_signalling(&self, a: u64, b: u64) -> Comparison {
        let order = self.compare(a, b);
        Comparison { order, flags: Flags::INVALID.when(order.is_none()) }
    }

    /// IEEE 754's totalOrder as an ordering of all codes: negative NaNs, negative infinity, ...,
    /// -0, 0, ..., infinity, positive NaNs; among NaNs of a sign the signalling ones are nearer to
    /// the numbers, and then the smaller payload. A NaN in the place of negative zero is the last.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let mut codes = [0x7e, 0x00, 0xfc, 0x80, 0x3c]; // NaN, 0, -inf, -0, 1
    /// codes.sort_by(|a, b| Format::E5M2.total_order(*a, *b));
    /// assert_eq!(codes, [0xfc, 0x80, 0x00, 0x3c, 0x7e]);
    /// ```
    pub const fn total_order(&self, a: u64, b: u64) -> Ordering {
        let (a, b) = (self.total_position(a), self.total_position(b));
        if a < b {
            Ordering::Less
        } else if a > b {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }

    const fn total_position(&self, code: u64) -> i128 {
        let magnitude = (code & self.magnitude_mask()) as i128;
        match code & self.sign_mask() != 0 {
            true if self.is_nan(code) && magnitude == 0 => i128::MAX,
            true => -1 - magnitude,
            false => magnitude,
        }
    }
}

pub(super) const fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    let (rank_a, rank_b) = match (rank(a), rank(b)) {
        (Some(a), Some(b)) => (a, b),
        _ => return None,
    };
    if rank_a != rank_b {
        return Some(if rank_a < rank_b { Ordering::Less } else { Ordering::Greater });
    }
    Some(match (*a, *b) {
        (Value::Finite(x), Value::Finite(y)) => {
            let order = compare_magnitudes(x, y);
            if x.negative { order.reverse() } else { order }
        }
        _ => Ordering::Equal,
    })
}

/// -infinity, negative, zero, positive, infinity.
const fn rank(value: &Value) -> Option<i8> {
    let magnitude = match value {
        Value::Nan { .. } => return None,
        Value::Zero { .. } => return Some(0),
        Value::Finite(_) => 1,
        Value::Infinite { .. } => 2,
    };
    Some(if value.is_negative() { -magnitude } else { magnitude })
}

pub(super) const fn compare_magnitudes(x: Number, y: Number) -> Ordering {
    let leading = (x.leading_exponent(), y.leading_exponent());
    // Leading bits at the top, so that the significands compare as fractions.
    let a = x.significand << x.significand.leading_zeros();
    let b = y.significand << y.significand.leading_zeros();
    if leading.0 < leading.1 || leading.0 == leading.1 && a < b {
        Ordering::Less
    } else if leading.0 == leading.1 && a == b {
        Ordering::Equal
    } else {
        Ordering::Greater
    }
}
