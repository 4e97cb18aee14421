//! The exact accumulator: a fixed-point number so wide that every value of a format, and every
//! product of two, is a whole number of its units. Addition is integer addition: it loses nothing,
//! and its order does not matter.

use super::Native;
use super::bins;
use super::limbs::Limbs;
use crate::{Context, Exact, ExactValue, Flags, Format, Rounded, Unrounded};

/// Room for so many additions above the largest product.
const HEADROOM: u32 = 64;

/// A sum of values, and of products of two values, of one format, without any rounding until it is
/// asked for.
///
/// It is [`Clone`], and two of them can be [merged](ExactSum::merge): however the terms are ordered
/// and divided among accumulators, the result has the same bits.
///
/// # Examples
/// ```
/// use fpbits::{Context, ExactSum, Format};
/// let f = Format::BINARY64;
/// let (mut left, mut right) = (ExactSum::new(&f), ExactSum::new(&f));
/// for x in [1e308f64, 1.0] {
///     left.add(x.to_bits());
/// }
/// for x in [1e308f64, -1e308, -1e308] {
///     right.add(x.to_bits());
/// }
/// left.merge(&right);
/// assert_eq!(f64::from_bits(left.round(Context::NEAREST_EVEN).code), 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct ExactSum {
    format: Format,
    /// The exponent of the unit: the square of the smallest number.
    unit: i32,
    limbs: Limbs,
    specials: Specials,
}

/// What the terms were besides numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Specials {
    positive_infinity: bool,
    negative_infinity: bool,
    nan: bool,
    flags: Flags,
    /// Whether there was a term that is not negative zero.
    other_than_negative_zero: bool,
    /// Whether there was any term.
    any: bool,
}

impl ExactSum {
    /// An empty sum for values of a format: zero.
    ///
    /// It takes about twice the format's exponent range in bits: 70 bytes for E4M3, 600 for binary32,
    /// 1.2 KB for binary64.
    pub fn new(format: &Format) -> ExactSum {
        let unit = 2 * format.quantum_exponent().min(0);
        let top = 2 * (format.max_exponent() + 1).max(0);
        let bits = (top - unit) as u32 + HEADROOM;
        ExactSum { format: *format, unit, limbs: Limbs::new(bits), specials: Specials::default() }
    }

    /// The format of the terms.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Adds the value of a code.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, ExactSum, Format};
    /// let mut sum = ExactSum::new(&Format::E5M2);
    /// (0..1000).for_each(|_| sum.add(1)); // 2^-16, a thousand times
    /// assert_eq!(sum.round(Context::NEAREST_EVEN).code, Format::E5M2.parse("0.0152").unwrap());
    /// ```
    pub fn add(&mut self, code: u64) {
        let value = self.format.decode(code);
        self.add_exact(&Exact::of(&value));
    }

    /// Adds the product of the values of two codes.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, ExactSum, Format};
    /// let f = Format::BINARY32;
    /// let mut dot = ExactSum::new(&f);
    /// let code = |x: f32| x.to_bits().into();
    /// dot.add_product(code(1e20), code(1e20));
    /// dot.add_product(code(3.0), code(7.0));
    /// dot.add_product(code(-1e20), code(1e20));
    /// assert_eq!(f32::from_bits(dot.round(Context::NEAREST_EVEN).code as u32), 21.0);
    /// ```
    pub fn add_product(&mut self, a: u64, b: u64) {
        let product = Exact::product(&self.format.decode(a), &self.format.decode(b));
        self.add_exact(&product);
    }

    fn add_exact(&mut self, exact: &Exact) {
        let specials = &mut self.specials;
        specials.any = true;
        specials.flags |= exact.flags;
        let negative_zero = matches!(exact.value, ExactValue::Zero { negative: true });
        specials.other_than_negative_zero |= !negative_zero;
        match exact.value {
            ExactValue::Zero { .. } | ExactValue::Cancelled => {}
            ExactValue::Number(number) => self.add_number(&number),
            ExactValue::Infinite { negative: false } => specials.positive_infinity = true,
            ExactValue::Infinite { negative: true } => specials.negative_infinity = true,
            ExactValue::Nan { .. } => specials.nan = true,
        }
    }

    fn add_number(&mut self, number: &Unrounded) {
        let position = (number.exponent - self.unit) as u32;
        self.limbs.add(number.negative, number.significand, position);
    }

    /// Adds (-1)^negative x significand x 2^exponent, which must be a sum of values or products of
    /// the format.
    pub(super) fn add_scaled(&mut self, negative: bool, significand: u64, exponent: i32) {
        self.specials.any = true;
        self.specials.other_than_negative_zero = true;
        // Zeros at the end may lie below the unit.
        let zeros = significand.trailing_zeros().min(63);
        let number = Unrounded {
            negative,
            significand: (significand >> zeros).into(),
            exponent: exponent + zeros as i32,
            sticky: false,
        };
        if significand != 0 {
            self.add_number(&number);
        }
    }

    /// Adds every number of a slice.
    ///
    /// # Panics
    /// If the sum is of another format.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, ExactSum, Format};
    /// let mut sum = ExactSum::new(&Format::BINARY64);
    /// sum.add_slice(&[0.1, 0.2, -0.3]);
    /// let total = f64::from_bits(sum.round(Context::NEAREST_EVEN).code);
    /// assert_eq!(total, 2.7755575615628914e-17); // the decimals are not what they seem
    /// ```
    #[track_caller]
    pub fn add_slice<F: Native>(&mut self, values: &[F]) {
        self.check_format::<F>();
        bins::add_slice(self, values);
    }

    /// Adds the product of each pair of numbers of two slices.
    ///
    /// # Panics
    /// If the lengths differ or the sum is of another format.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, ExactSum, Format};
    /// let mut dot = ExactSum::new(&Format::BINARY32);
    /// dot.add_products(&[1e20f32, 3.0, -1e20], &[1e20, 7.0, 1e20]);
    /// assert_eq!(f32::from_bits(dot.round(Context::NEAREST_EVEN).code as u32), 21.0);
    /// ```
    #[track_caller]
    pub fn add_products<F: Native>(&mut self, a: &[F], b: &[F]) {
        self.check_format::<F>();
        assert!(a.len() == b.len(), "dot product of {} and {} elements", a.len(), b.len());
        bins::add_products(self, a, b);
    }

    #[track_caller]
    fn check_format<F: Native>(&self) {
        let (own, other) = (self.format, F::FORMAT);
        assert!(own == other, "a sum of {own} cannot take {other}");
    }

    /// Adds another sum.
    ///
    /// # Panics
    /// If it is of another format.
    #[track_caller]
    pub fn merge(&mut self, other: &ExactSum) {
        let (own, theirs) = (self.format, other.format);
        assert!(own == theirs, "a sum of {own} cannot take a sum of {theirs}");
        self.limbs.merge(&other.limbs);
        let (mine, more) = (&mut self.specials, other.specials);
        mine.positive_infinity |= more.positive_infinity;
        mine.negative_infinity |= more.negative_infinity;
        mine.nan |= more.nan;
        mine.flags |= more.flags;
        mine.other_than_negative_zero |= more.other_than_negative_zero;
        mine.any |= more.any;
    }

    /// The sum as the result of one exact operation.
    ///
    /// Its leading 128 bits are there, and whether anything follows. NaN if there was a NaN, zero
    /// times infinity, or infinities of both signs; negative zero if every term was.
    pub fn exact(&self) -> Exact {
        let specials = &self.specials;
        let flags = specials.flags;
        // Of several NaNs none is the first: the result's payload is that of an invalid operation.
        let nan = ExactValue::Nan { negative: false, fraction: 1 << 63 };
        if specials.nan {
            return Exact { value: nan, flags };
        }
        match (specials.positive_infinity, specials.negative_infinity) {
            (true, true) => return Exact { value: nan, flags: flags | Flags::INVALID },
            (positive, negative) if positive || negative => {
                return Exact { value: ExactValue::Infinite { negative }, flags };
            }
            _ => {}
        }
        let value = match self.limbs.leading_bits() {
            Some((negative, significand, position, sticky)) => {
                let exponent = self.unit + position as i32;
                ExactValue::Number(Unrounded { negative, significand, exponent, sticky })
            }
            None if !specials.any => ExactValue::Zero { negative: false },
            None if !specials.other_than_negative_zero => ExactValue::Zero { negative: true },
            None => ExactValue::Cancelled,
        };
        Exact { value, flags }
    }

    /// The sum rounded into its terms' format.
    ///
    /// # Accuracy
    /// Correctly rounded (at most 0.5 ulp to nearest), however many terms cancel.
    pub fn round(&self, context: Context) -> Rounded {
        self.format.round_exact(&self.exact(), context)
    }

    /// The sum rounded into another format.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, ExactSum, Format};
    /// let mut sum = ExactSum::new(&Format::E4M3FN);
    /// (0..10).for_each(|_| sum.add(0x7e)); // 448
    /// let wide = sum.round_to(&Format::BINARY32, Context::NEAREST_EVEN);
    /// assert_eq!(f32::from_bits(wide.code as u32), 4480.0);
    /// ```
    pub fn round_to(&self, format: &Format, context: Context) -> Rounded {
        format.round_exact(&self.exact(), context)
    }
}

/// The sum of the values, rounded once.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp).
///
/// # Examples
/// ```
/// assert_eq!(fpbits::exact_sum(&[0.1; 10]), 1.0);
/// assert_eq!(fpbits::exact_sum(&[1e308, 1e308, -1e308, -1e308, 0.5]), 0.5);
/// ```
pub fn exact_sum<F: Native>(values: &[F]) -> F {
    let mut sum = ExactSum::new(&F::FORMAT);
    sum.add_slice(values);
    F::from_code(sum.round(Context::NEAREST_EVEN).code)
}

/// The sum of the products of each pair, rounded once.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp).
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// let (a, b) = ([1e20f32, 3.0, -1e20], [1e20, 7.0, 1e20]);
/// assert!(fpbits::naive_dot(&a, &b).is_nan()); // infinity minus infinity on the way
/// assert_eq!(fpbits::exact_dot(&a, &b), 21.0);
/// ```
#[track_caller]
pub fn exact_dot<F: Native>(a: &[F], b: &[F]) -> F {
    let mut dot = ExactSum::new(&F::FORMAT);
    dot.add_products(a, b);
    F::from_code(dot.round(Context::NEAREST_EVEN).code)
}
