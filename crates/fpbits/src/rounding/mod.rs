//! How a real number becomes one of a format: direction, exceptions, and the moment at which a
//! result counts as tiny.

mod decide;
mod flags;
mod stochastic;

pub use decide::Discarded;
pub use flags::Flags;
pub use stochastic::StochasticRounding;

pub(crate) use decide::split;

use crate::FpbitsError;
use core::fmt;
use core::str::FromStr;

/// The choice between the two neighbours of a number that the format does not have.
///
/// # Examples
/// ```
/// use fpbits::{Context, Format, Rounding, Value};
/// let f = Format::E4M3FN;
/// let pi = Value::of_f64(std::f64::consts::PI); // between 3 and 3.25
/// let rounded = |rounding| f.to_shortest(f.encode_with(&pi, Context::new(rounding)).code);
/// assert_eq!(rounded(Rounding::NearestEven), "3.2"); // 3.25 prints as 3.2
/// assert_eq!(rounded(Rounding::TowardZero), "3");
/// assert_eq!(rounded(Rounding::Up), "3.2");
/// assert_eq!(rounded(Rounding::Down), "3");
/// assert_eq!(rounded(Rounding::ToOdd), "3.2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Rounding {
    /// To the nearer one; of two equally near ones to the one whose last bit is 0
    /// (roundTiesToEven). With a precision of one bit both significands are odd: then the last bit
    /// of the *code* decides, as P3109 has it, or in a format without zero (E8M0) the larger
    /// magnitude, as IEEE 754 has it.
    #[default]
    NearestEven,
    /// To the nearer one; of two equally near ones to the larger magnitude (roundTiesToAway).
    NearestAway,
    /// To the smaller magnitude (roundTowardZero).
    TowardZero,
    /// To the greater one (roundTowardPositive).
    Up,
    /// To the smaller one (roundTowardNegative).
    Down,
    /// To the one whose last bit is 1. A number rounded to odd can be rounded once more, to a
    /// format with at least two bits less, as if it had not been rounded before: the last bit
    /// remembers that something was cut off
    /// ([Boldo and Melquiond, 2008](https://doi.org/10.1109/TC.2007.70819)).
    ToOdd,
    /// To either one, with a probability that falls with its distance, so that the expectation is
    /// the number itself.
    ///
    /// The discarded part, in units of 2^-`bits` of the last place (rounded to that unit, to
    /// nearest even), is added to `random`; a carry rounds away from zero. With `random` uniform in
    /// 0..2^`bits` the expectation is exact wherever the discarded part has at most `bits` bits, and
    /// off by at most 2^-(`bits` + 1) of the last place elsewhere. [`StochasticRounding`] draws
    /// the bits.
    Stochastic {
        /// How many random bits there are, at most [`Rounding::MAX_RANDOM_BITS`].
        bits: u32,
        /// The random bits, less than 2^`bits`.
        random: u32,
    },
}

impl Rounding {
    /// The rounding directions that need no random bits.
    pub const DETERMINISTIC: [Rounding; 6] = [
        Rounding::NearestEven,
        Rounding::NearestAway,
        Rounding::TowardZero,
        Rounding::Up,
        Rounding::Down,
        Rounding::ToOdd,
    ];

    /// The most random bits that stochastic rounding uses.
    pub const MAX_RANDOM_BITS: u32 = 32;

    /// How many bits of the discarded part the decision looks at, beyond which all that matters is
    /// whether anything is there.
    pub(crate) const fn resolution(self) -> u32 {
        match self {
            Rounding::Stochastic { bits, .. } => bits + 1,
            _ => 1,
        }
    }
}

/// The words of the command line and of TestFloat: `near_even`, `near_maxMag`, `minMag`, `max`,
/// `min`, `odd`.
impl FromStr for Rounding {
    type Err = FpbitsError;

    fn from_str(text: &str) -> Result<Rounding, FpbitsError> {
        Ok(match text {
            "near_even" | "even" | "nearest-even" => Rounding::NearestEven,
            "near_maxMag" | "away" | "nearest-away" => Rounding::NearestAway,
            "minMag" | "zero" | "toward-zero" => Rounding::TowardZero,
            "max" | "up" => Rounding::Up,
            "min" | "down" => Rounding::Down,
            "odd" | "to-odd" => Rounding::ToOdd,
            _ => return Err(FpbitsError::UnknownRounding),
        })
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Rounding::NearestEven => "nearest-even",
            Rounding::NearestAway => "nearest-away",
            Rounding::TowardZero => "toward-zero",
            Rounding::Up => "up",
            Rounding::Down => "down",
            Rounding::ToOdd => "to-odd",
            Rounding::Stochastic { .. } => "stochastic",
        })
    }
}

/// When a result counts as tiny, which is half of what makes it underflow (IEEE 754-2019, 7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Tininess {
    /// If it lies below the smallest normal number after rounding to the format's precision with
    /// exponents unbounded (x86, RISC-V).
    #[default]
    AfterRounding,
    /// If it lies there before rounding (Arm, and C's Annex F by default).
    BeforeRounding,
}

/// What an operation needs to know besides its operands.
///
/// # Examples
/// ```
/// use fpbits::{Context, Format, Rounding};
/// let f = Format::BINARY16;
/// let tenth = f.parse("0.1").unwrap();
/// assert_eq!(f.add(tenth, tenth, Context::NEAREST_EVEN).code, f.parse("0.2").unwrap());
/// let up = Context::new(Rounding::Up);
/// assert_eq!(f.multiply(1, 1, up).code, 1); // the smallest number's square, rounded up
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Context {
    /// The direction of rounding.
    pub rounding: Rounding,
    /// When a result is tiny.
    pub tininess: Tininess,
}

impl Context {
    /// To nearest, ties to even, tininess after rounding: what hardware does unless told
    /// otherwise.
    pub const NEAREST_EVEN: Context = Context::new(Rounding::NearestEven);

    /// This direction; tininess after rounding.
    pub const fn new(rounding: Rounding) -> Context {
        Context { rounding, tininess: Tininess::AfterRounding }
    }
}

/// The result of an operation: a code of the format, and what was signalled on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rounded {
    /// The result's code.
    pub code: u64,
    /// The exceptions.
    pub flags: Flags,
}

impl Rounded {
    /// An exact result.
    pub(crate) const fn exact(code: u64) -> Rounded {
        Rounded { code, flags: Flags::NONE }
    }

    pub(crate) const fn with(self, flags: Flags) -> Rounded {
        Rounded { code: self.code, flags: self.flags.union(flags) }
    }
}
