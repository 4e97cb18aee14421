//! Operations that tell how they came to their result: the same steps as without a trace, kept as
//! data.

mod choice;
mod display;
mod integer;
mod record;
mod rule;

pub use rule::Rule;

use crate::{Context, Discarded, Format, Integer, Rounded, Rounding, Unrounded, Value};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// An operation in its steps. `{}` writes them out, a few lines each.
///
/// # Examples
/// ```
/// use fpbits::{Context, Format, Step};
/// let f = Format::BINARY64;
/// let trace = f.add_traced(0.1f64.to_bits(), 0.2f64.to_bits(), Context::NEAREST_EVEN);
/// let Some(Step::Round(round)) = trace.steps.last() else { panic!() };
/// // What is cut off is exactly half of the last place, and the bit before it is odd: up.
/// assert!(round.places.below.is_half() && round.odd && round.away);
/// assert_eq!(f64::from_bits(trace.result.code), 0.30000000000000004);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What was computed.
    pub operation: Operation,
    /// The format of the operands.
    pub from: Format,
    /// The format of the result.
    pub format: Format,
    /// The context.
    pub context: Context,
    /// The steps, in order; those that changed nothing are left out.
    pub steps: Vec<Step>,
    /// The result: that of the operation without a trace.
    pub result: Rounded,
}

/// The operations that can be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Format::add`]
    Add,
    /// [`Format::subtract`]
    Subtract,
    /// [`Format::multiply`]
    Multiply,
    /// [`Format::divide`]
    Divide,
    /// [`Format::square_root`]
    SquareRoot,
    /// [`Format::fma`]
    Fma,
    /// [`Format::remainder`]
    Remainder,
    /// [`Format::round_to_integral`]
    RoundToIntegral,
    /// [`Format::encode_with`] of a code of another format
    Convert,
    /// [`Format::to_integer`]
    ToInteger(Integer),
    /// [`Format::from_integer`]
    FromInteger,
    /// [`Format::compare_quiet`]
    Compare,
    /// [`Format::minimum`]
    Minimum,
    /// [`Format::maximum`]
    Maximum,
    /// [`Format::minimum_number`]
    MinimumNumber,
    /// [`Format::maximum_number`]
    MaximumNumber,
    /// [`Format::minimum_magnitude`]
    MinimumMagnitude,
    /// [`Format::maximum_magnitude`]
    MaximumMagnitude,
    /// [`Format::minimum_magnitude_number`]
    MinimumMagnitudeNumber,
    /// [`Format::maximum_magnitude_number`]
    MaximumMagnitudeNumber,
}

/// A step of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An operand is taken apart.
    Operand {
        /// `a`, `b` or `c`.
        name: char,
        /// Its code.
        code: u64,
        /// Its exact value.
        value: Value,
    },
    /// The operand is an integer.
    Integer(i128),
    /// How a stands to b, or its magnitude to b's.
    Order {
        /// Whether the magnitudes were compared.
        magnitudes: bool,
        /// Their order.
        order: Ordering,
    },
    /// A special value decides the result; no digits are worked on.
    Special(Rule),
    /// The operand with the smaller exponent is shifted right to the other's last place. What is
    /// `below` are the bits that fall behind it.
    Align {
        /// Which operand: `a`, `b`, `c`, or `p` for the product of a fused multiply-add.
        name: char,
        /// By how many places.
        shift: u32,
        /// The operand in the other's places.
        places: Places,
    },
    /// The aligned significands were added or subtracted.
    Sum {
        /// Whether the signs differ, so that the magnitudes are subtracted.
        subtracted: bool,
        /// The sum in the larger operand's places.
        places: Places,
    },
    /// The significands were multiplied: all bits of the product.
    Product(Unrounded),
    /// The significands were divided: the leading bits, and whether a remainder is left (sticky).
    Quotient(Unrounded),
    /// The root of the significand: the leading bits, and whether a remainder is left (sticky).
    Root(Unrounded),
    /// The integer n nearest to a / b, whose multiple of b is subtracted from a; `None` if it has
    /// more than 127 bits.
    NearestMultiple(Option<u128>),
    /// The result moves to the last place that the format has for its magnitude: to the right
    /// (positive) after a carry, to the left after a cancellation.
    Normalize {
        /// By how many places.
        shift: i32,
        /// The exponent of the last place.
        unit: i32,
    },
    /// The decision between the two neighbours.
    Round(RoundStep),
}

/// A magnitude cut at a last place of 2^unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The exponent of the last place.
    pub unit: i32,
    /// How many bits a significand has there behind its point.
    pub fraction_bits: u32,
    /// The whole part, in units of the last place.
    pub kept: u128,
    /// What lies below it: guard, round and sticky bit.
    pub below: Discarded,
}

/// How a result was rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundStep {
    /// The exact result at the format's last place.
    pub places: Places,
    /// The sign.
    pub negative: bool,
    /// The direction.
    pub rounding: Rounding,
    /// Whether the last bit kept is odd.
    pub odd: bool,
    /// Whether the larger magnitude was chosen.
    pub away: bool,
}

impl Format {
    /// [`Format::add`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::E4M3FN;
    /// let (a, b) = (f.parse("16").unwrap(), f.parse("1.25").unwrap());
    /// let trace = f.add_traced(a, b, Context::NEAREST_EVEN);
    /// let aligned = trace.steps.iter().find_map(|step| match step {
    ///     Step::Align { shift, .. } => Some(*shift),
    ///     _ => None,
    /// });
    /// assert_eq!(aligned, Some(4));
    /// assert_eq!(f.to_shortest(trace.result.code), "18"); // 17.25 lies between 16 and 18
    /// ```
    pub fn add_traced(&self, a: u64, b: u64, context: Context) -> Trace {
        record::binary(Operation::Add, self, [a, b], context)
    }

    /// [`Format::subtract`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::BINARY16;
    /// let (a, b) = (f.parse("1").unwrap(), f.parse("0.9995").unwrap());
    /// let trace = f.subtract_traced(a, b, Context::NEAREST_EVEN);
    /// // Ten leading bits cancel.
    /// assert!(trace.steps.iter().any(|s| matches!(s, Step::Normalize { shift: -11, .. })));
    /// ```
    pub fn subtract_traced(&self, a: u64, b: u64, context: Context) -> Trace {
        record::binary(Operation::Subtract, self, [a, b], context)
    }

    /// [`Format::multiply`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::E5M2;
    /// let x = f.parse("1.75").unwrap();
    /// let trace = f.multiply_traced(x, x, Context::NEAREST_EVEN);
    /// let product = trace.steps.iter().find_map(|step| match step {
    ///     Step::Product(product) => Some(product.significand),
    ///     _ => None,
    /// });
    /// assert_eq!(product, Some(49)); // 7 x 7
    /// ```
    pub fn multiply_traced(&self, a: u64, b: u64, context: Context) -> Trace {
        record::binary(Operation::Multiply, self, [a, b], context)
    }

    /// [`Format::divide`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Rule, Step};
    /// let f = Format::BINARY32;
    /// let trace = f.divide_traced(f.parse("1").unwrap(), 0, Context::NEAREST_EVEN);
    /// assert_eq!(trace.steps.last(), Some(&Step::Special(Rule::DivisionByZero)));
    /// ```
    pub fn divide_traced(&self, a: u64, b: u64, context: Context) -> Trace {
        record::binary(Operation::Divide, self, [a, b], context)
    }

    /// [`Format::remainder`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::BINARY32;
    /// let (a, b) = (f.parse("7").unwrap(), f.parse("4").unwrap());
    /// let trace = f.remainder_traced(a, b, Context::NEAREST_EVEN);
    /// assert!(trace.steps.contains(&Step::NearestMultiple(Some(2)))); // 7 - 2 x 4 = -1
    /// ```
    pub fn remainder_traced(&self, a: u64, b: u64, context: Context) -> Trace {
        record::binary(Operation::Remainder, self, [a, b], context)
    }

    /// [`Format::square_root`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::BINARY16;
    /// let trace = f.square_root_traced(f.parse("2").unwrap(), Context::NEAREST_EVEN);
    /// assert!(trace.steps.iter().any(|s| matches!(s, Step::Root(root) if root.sticky)));
    /// ```
    pub fn square_root_traced(&self, a: u64, context: Context) -> Trace {
        record::unary(Operation::SquareRoot, self, a, self, context)
    }

    /// [`Format::round_to_integral`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::BINARY32;
    /// let trace = f.round_to_integral_traced(f.parse("2.5").unwrap(), Context::NEAREST_EVEN);
    /// let Some(Step::Round(round)) = trace.steps.last() else { panic!() };
    /// assert!(round.places.below.is_half() && !round.away);
    /// ```
    pub fn round_to_integral_traced(&self, a: u64, context: Context) -> Trace {
        record::unary(Operation::RoundToIntegral, self, a, self, context)
    }

    /// [`Format::fma`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::E5M2;
    /// let x = f.parse("1.5").unwrap();
    /// let trace = f.fma_traced(x, x, x, Context::NEAREST_EVEN);
    /// assert_eq!(f.to_shortest(trace.result.code), "4"); // 3.75, a tie
    /// ```
    pub fn fma_traced(&self, a: u64, b: u64, c: u64, context: Context) -> Trace {
        record::fma(self, [a, b, c], context)
    }

    /// The conversion of a code into another format, told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let third = (1.0f32 / 3.0).to_bits().into();
    /// let trace = Format::BINARY32.convert_traced(third, &Format::E4M3FN, Context::NEAREST_EVEN);
    /// let Some(Step::Round(round)) = trace.steps.last() else { panic!() };
    /// assert_eq!(round.places.kept, 0b1010); // 1.010 1010... x 2^-2
    /// ```
    pub fn convert_traced(&self, a: u64, to: &Format, context: Context) -> Trace {
        record::unary(Operation::Convert, self, a, to, context)
    }
}
