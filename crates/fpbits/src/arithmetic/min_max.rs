//! Minimum and maximum as IEEE 754-2019 (section 9.6) defines them.
//!
//! `minimum` gives NaN if either operand is NaN; `minimum_number` gives the other operand. For both,
//! -0 is smaller than 0. A signalling NaN is invalid.

use super::compare::{compare, compare_magnitudes};
use crate::{Flags, Format, Rounded, Value};
use core::cmp::Ordering;

impl Format {
    /// The smaller of a and b; NaN if either is NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let f = Format::BINARY32;
    /// assert_eq!(f.minimum(0x0000_0000, 0x8000_0000).code, 0x8000_0000); // 0 and -0
    /// assert!(f.is_nan(f.minimum(0x7fc0_0000, 0).code));
    /// ```
    pub const fn minimum(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: false, by_magnitude: false, numbers: false })
    }

    /// The greater of a and b; NaN if either is NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E5M2.maximum(0x3c, 0xbc).code, 0x3c); // 1 and -1
    /// ```
    pub const fn maximum(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: true, by_magnitude: false, numbers: false })
    }

    /// The smaller of a and b; a number rather than NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Flags, Format};
    /// let f = Format::BINARY32;
    /// let one = f.parse("1").unwrap();
    /// assert_eq!(f.minimum_number(0x7fc0_0000, one).code, one);
    /// assert_eq!(f.minimum_number(0x7f80_0001, one).flags, Flags::INVALID); // signalling
    /// ```
    pub const fn minimum_number(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: false, by_magnitude: false, numbers: true })
    }

    /// The greater of a and b; a number rather than NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E5M2.maximum_number(0x7e, 0xbc).code, 0xbc); // NaN and -1
    /// ```
    pub const fn maximum_number(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: true, by_magnitude: false, numbers: true })
    }

    /// The one nearer to zero, of two equally near ones the [`Format::minimum`]; NaN if either is
    /// NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E5M2.minimum_magnitude(0x3c, 0xc0).code, 0x3c); // 1 and -2
    /// ```
    pub const fn minimum_magnitude(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: false, by_magnitude: true, numbers: false })
    }

    /// The one farther from zero, of two equally far ones the [`Format::maximum`]; NaN if either
    /// is NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E5M2.maximum_magnitude(0x3c, 0xc0).code, 0xc0); // 1 and -2
    /// ```
    pub const fn maximum_magnitude(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: true, by_magnitude: true, numbers: false })
    }

    /// [`Format::minimum_magnitude`], but a number rather than NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E5M2.minimum_magnitude_number(0x7e, 0xc0).code, 0xc0);
    /// ```
    pub const fn minimum_magnitude_number(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: false, by_magnitude: true, numbers: true })
    }

    /// [`Format::maximum_magnitude`], but a number rather than NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E5M2.maximum_magnitude_number(0x7e, 0xc0).code, 0xc0);
    /// ```
    pub const fn maximum_magnitude_number(&self, a: u64, b: u64) -> Rounded {
        self.choose(a, b, Choice { greater: true, by_magnitude: true, numbers: true })
    }

    const fn choose(&self, a: u64, b: u64, choice: Choice) -> Rounded {
        let (x, y) = (self.decode(a), self.decode(b));
        let flags = Flags::INVALID.when(x.is_signalling() || y.is_signalling());
        let code = match (x.is_nan(), y.is_nan()) {
            (false, false) if choice.takes_first(&x, &y) => a,
            (false, false) => b,
            (false, true) if choice.numbers => a,
            (true, false) if choice.numbers => b,
            (true, _) => return self.quiet_nan(&x).with(flags),
            (false, true) => return self.quiet_nan(&y).with(flags),
        };
        Rounded { code: code & (self.sign_mask() | self.magnitude_mask()), flags }
    }

    const fn quiet_nan(&self, nan: &Value) -> Rounded {
        match *nan {
            Value::Nan { negative, fraction } => Rounded::exact(self.nan_code(negative, fraction)),
            _ => unreachable!(),
        }
    }
}

/// Which of two operands is asked for.
#[derive(Clone, Copy)]
struct Choice {
    greater: bool,
    by_magnitude: bool,
    numbers: bool,
}

impl Choice {
    /// Neither operand is NaN.
    const fn takes_first(self, x: &Value, y: &Value) -> bool {
        let mut order = if self.by_magnitude { magnitudes(x, y) } else { Ordering::Equal };
        if order.is_eq() {
            order = match compare(x, y) {
                Some(order) if order.is_ne() => order,
                // Equal numbers; of two zeros the negative one is smaller.
                _ if x.is_negative() && !y.is_negative() => Ordering::Less,
                _ if y.is_negative() && !x.is_negative() => Ordering::Greater,
                _ => Ordering::Equal,
            };
        }
        match self.greater {
            true => order.is_ge(),
            false => order.is_le(),
        }
    }
}

const fn magnitudes(x: &Value, y: &Value) -> Ordering {
    match (*x, *y) {
        (Value::Finite(x), Value::Finite(y)) => compare_magnitudes(x, y),
        _ => {
            let (x, y) = (size(x), size(y));
            if x < y {
                Ordering::Less
            } else if x > y {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        }
    }
}

/// Zero, finite, infinite.
const fn size(value: &Value) -> u8 {
    match value {
        Value::Zero { .. } => 0,
        Value::Finite(_) => 1,
        _ => 2,
    }
}
