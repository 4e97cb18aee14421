//! Fused multiply-add: a x b + c, rounded once.
//!
//! The product has up to 128 bits, the sum of it and `c` up to 193 before anything may be
//! forgotten: two words of 128 bits hold both operands aligned.

use super::exact::{Exact, ExactValue};
use super::multiply::product;
use crate::{Context, Format, Rounded, Unrounded, Value};

impl Format {
    /// a x b + c with one rounding. Zero times infinity is invalid, whatever c is.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format};
    /// let f = Format::BINARY64;
    /// let x = (1.0 + f64::EPSILON).to_bits();
    /// let square = f.multiply(x, x, Context::NEAREST_EVEN).code;
    /// // The error of a product, which a fused operation alone can see.
    /// let error = f.fma(x, x, f.negate(square), Context::NEAREST_EVEN);
    /// assert_eq!(f64::from_bits(error.code), f64::EPSILON * f64::EPSILON);
    /// ```
    pub const fn fma(&self, a: u64, b: u64, c: u64, context: Context) -> Rounded {
        if let Some(rounded) = self.hardware.fma(a, b, c, context) {
            return rounded;
        }
        let exact = Exact::fused(&self.decode(a), &self.decode(b), &self.decode(c));
        self.round_exact(&exact, context)
    }
}

impl Exact {
    /// a x b + c, exactly.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Value};
    /// // Two bfloat16 multiplied and added to a binary32: the step of a dot product.
    /// let x = Format::BFLOAT16.decode(0x3f81); // 1.0078125
    /// let sum = Exact::fused(&x, &x, &Value::of_f32(1e-6));
    /// let rounded = Format::BINARY32.round_exact(&sum, Context::NEAREST_EVEN);
    /// assert_eq!(f32::from_bits(rounded.code as u32), 1.015687);
    /// ```
    pub const fn fused(a: &Value, b: &Value, c: &Value) -> Exact {
        let times = Exact::product(a, b);
        if matches!(times.value, ExactValue::Nan { .. }) || matches!(c, Value::Nan { .. }) {
            let nan = Exact::nan_among([a, b, c]);
            return match nan.value {
                // No operand is NaN, the product is: zero times infinity.
                _ if !a.is_nan() && !b.is_nan() && !c.is_nan() => times,
                value => Exact { value, flags: nan.flags.union(times.flags) },
            };
        }
        match (times.value, *c) {
            (ExactValue::Infinite { negative }, Value::Infinite { negative: other }) => {
                if negative == other { times } else { Exact::invalid() }
            }
            (ExactValue::Infinite { .. }, _) => times,
            (_, Value::Infinite { negative }) => Exact::infinite(negative),
            (ExactValue::Zero { negative }, Value::Zero { negative: other }) => {
                if negative == other { times } else { Exact::quiet(ExactValue::Cancelled) }
            }
            (_, Value::Zero { .. }) => times,
            (ExactValue::Zero { .. }, _) => Exact::of(c),
            _ => match (*a, *b, *c) {
                (Value::Finite(x), Value::Finite(y), Value::Finite(z)) => {
                    sum(product(x, y), Unrounded::of(z))
                }
                _ => unreachable!(),
            },
        }
    }
}

/// The sum of two exact numbers.
const fn sum(a: Unrounded, b: Unrounded) -> Exact {
    let (a_leading, b_leading) = (leading(&a), leading(&b));
    let (large, small) = if a_leading >= b_leading { (a, b) } else { (b, a) };
    // The leading bit of the larger one stands at bit 253 of 256: room for a carry above, and for
    // all of the other below, unless it lies so low that only its being there matters.
    let up = 253 - large.significand.ilog2();
    let exponent = large.exponent as i64 - up as i64;
    let larger = Wide::shifted(large.significand, up as i64).0;
    let (smaller, lost) = Wide::shifted(small.significand, small.exponent as i64 - exponent);
    let (negative, total) = match (large.negative == small.negative, larger.is_below(smaller)) {
        (true, _) => (large.negative, larger.plus(smaller)),
        (false, false) => {
            (large.negative, larger.minus(smaller).minus(Wide { high: 0, low: lost as u128 }))
        }
        (false, true) => (small.negative, smaller.minus(larger)),
    };
    if total.high == 0 && total.low == 0 {
        return Exact::quiet(ExactValue::Cancelled);
    }
    let (significand, cut, below) = total.leading_bits();
    Exact::number(Unrounded {
        negative,
        significand,
        exponent: (exponent + cut as i64) as i32,
        sticky: lost || below,
    })
}

const fn leading(number: &Unrounded) -> i64 {
    number.significand.ilog2() as i64 + number.exponent as i64
}

/// A natural number of 256 bits.
#[derive(Clone, Copy)]
struct Wide {
    high: u128,
    low: u128,
}

impl Wide {
    /// x 2^shift, and whether bits were lost below the unit. The result must fit.
    const fn shifted(x: u128, shift: i64) -> (Wide, bool) {
        match shift {
            128.. => (Wide { high: x << (shift - 128), low: 0 }, false),
            1..=127 => (Wide { high: x >> (128 - shift), low: x << shift }, false),
            0 => (Wide { high: 0, low: x }, false),
            -127..=-1 => (Wide { high: 0, low: x >> -shift }, x << (128 + shift) != 0),
            _ => (Wide { high: 0, low: 0 }, true),
        }
    }

    const fn plus(self, other: Wide) -> Wide {
        let (low, carry) = self.low.overflowing_add(other.low);
        Wide { high: self.high + other.high + carry as u128, low }
    }

    const fn minus(self, other: Wide) -> Wide {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Wide { high: self.high - other.high - borrow as u128, low }
    }

    const fn is_below(self, other: Wide) -> bool {
        self.high < other.high || self.high == other.high && self.low < other.low
    }

    /// The leading 128 bits, how many are cut off, and whether one of those is set.
    const fn leading_bits(self) -> (u128, u32, bool) {
        match self.high {
            0 => (self.low, 0, false),
            high => {
                let cut = high.ilog2() + 1;
                match cut {
                    128 => (high, 128, self.low != 0),
                    _ => {
                        let top = high << (128 - cut) | self.low >> cut;
                        (top, cut, self.low << (128 - cut) != 0)
                    }
                }
            }
        }
    }
}
