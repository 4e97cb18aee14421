//! The five exceptions of IEEE 754, as flags.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// A set of the exceptions that an operation signals (IEEE 754-2019, section 7).
///
/// The bits are those of Berkeley SoftFloat and TestFloat.
///
/// # Examples
/// ```
/// use fpbits::{Context, Flags, Format};
/// let f = Format::BINARY32;
/// let (one, three) = (f.parse("1").unwrap(), f.parse("3").unwrap());
/// let third = f.divide(one, three, Context::NEAREST_EVEN);
/// assert_eq!(third.flags, Flags::INEXACT);
/// let pole = f.divide(one, 0, Context::NEAREST_EVEN);
/// assert_eq!((pole.code, pole.flags), (f.infinity().unwrap(), Flags::DIVIDE_BY_ZERO));
/// assert_eq!((third.flags | pole.flags).to_string(), "inexact, divide by zero");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No exception.
    pub const NONE: Flags = Flags(0);
    /// The result is not the exact one.
    pub const INEXACT: Flags = Flags(1);
    /// The result is tiny (see [`Tininess`](crate::Tininess)) and inexact.
    pub const UNDERFLOW: Flags = Flags(2);
    /// The rounded result, with exponents unbounded, is larger than the largest finite value.
    pub const OVERFLOW: Flags = Flags(4);
    /// An exact infinite result from finite operands.
    pub const DIVIDE_BY_ZERO: Flags = Flags(8);
    /// There is no useful definable result, or an operand is a signalling NaN.
    pub const INVALID: Flags = Flags(16);

    const NAMES: [(Flags, &'static str); 5] = [
        (Flags::INEXACT, "inexact"),
        (Flags::UNDERFLOW, "underflow"),
        (Flags::OVERFLOW, "overflow"),
        (Flags::DIVIDE_BY_ZERO, "divide by zero"),
        (Flags::INVALID, "invalid"),
    ];

    /// The set with these bits; bits that are none of the five are dropped.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Flags;
    /// assert_eq!(Flags::from_bits(0x05), Flags::OVERFLOW | Flags::INEXACT);
    /// ```
    pub const fn from_bits(bits: u8) -> Flags {
        Flags(bits & 31)
    }

    /// The bits of the set: 1 inexact, 2 underflow, 4 overflow, 8 division by zero, 16 invalid.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether nothing was signalled.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every exception of `other` is in this set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The exceptions of both sets; `|` in constant expressions.
    pub const fn union(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The set, if a condition holds; nothing else.
    pub(crate) const fn when(self, condition: bool) -> Flags {
        if condition { self } else { Flags::NONE }
    }

    /// The names of the exceptions in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.union(other)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        *self = self.union(other);
    }
}

/// The names, with commas between; `none` for the empty set.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (i, name) in self.names().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}
