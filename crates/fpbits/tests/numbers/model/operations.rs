//! The operations on data: what IEEE 754 says of special values, and exact results for the rest.

use super::{Fixed, Model, Real, value_of};
use fpbits::{Flags, NanCodes, Overflow, Rounding, Tininess};
use std::cmp::Ordering;

/// What a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datum {
    Nan { signalling: bool },
    Infinite { negative: bool },
    Zero { negative: bool },
    Number { negative: bool, significand: u64, exponent: i32 },
}

/// What an operation is expected to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelResult {
    Code(u64, Flags),
    /// Any NaN.
    Nan(Flags),
}

impl ModelResult {
    pub(crate) fn with(self, more: Flags) -> ModelResult {
        match self {
            ModelResult::Code(code, flags) => ModelResult::Code(code, flags | more),
            ModelResult::Nan(flags) => ModelResult::Nan(flags | more),
        }
    }
}

/// An exact result.
pub(crate) enum Outcome {
    Real {
        negative: bool,
        magnitude: Real,
    },
    Zero {
        negative: bool,
    },
    /// A difference of equal numbers.
    Cancelled,
    Infinite {
        negative: bool,
        flags: Flags,
    },
    Nan(Flags),
}

use Datum::{Infinite, Nan, Number, Zero};

impl Datum {
    pub(crate) fn negative(self) -> bool {
        match self {
            Nan { .. } => false,
            Infinite { negative } | Zero { negative } | Number { negative, .. } => negative,
        }
    }

    /// The same without its sign.
    pub(crate) fn magnitude(self) -> Datum {
        if self.negative() { self.negated() } else { self }
    }

    pub(crate) fn negated(self) -> Datum {
        match self {
            Nan { .. } => self,
            Infinite { negative } => Infinite { negative: !negative },
            Zero { negative } => Zero { negative: !negative },
            Number { negative, significand, exponent } => {
                Number { negative: !negative, significand, exponent }
            }
        }
    }
}

fn nan(operands: &[Datum]) -> Option<Outcome> {
    let any = operands.iter().any(|x| matches!(x, Nan { .. }));
    let signalling = operands.iter().any(|x| matches!(x, Nan { signalling: true }));
    any.then_some(Outcome::Nan(if signalling { Flags::INVALID } else { Flags::NONE }))
}

const INVALID: Outcome = Outcome::Nan(Flags::INVALID);

impl Model {
    pub(crate) fn datum(&self, code: u64) -> Datum {
        let layout = self.format.layout();
        let bits = layout.exponent_bits + layout.fraction_bits;
        let (magnitude, ones) = (code & ((1 << bits) - 1), (1u64 << bits) - 1);
        let negative = layout.sign && code >> bits & 1 == 1;
        let top = ones >> layout.fraction_bits << layout.fraction_bits;
        let fraction = magnitude & ((1 << layout.fraction_bits) - 1);
        let is_nan = match layout.nan {
            NanCodes::TopExponent => magnitude > top,
            NanCodes::AllOnes => magnitude == ones,
            NanCodes::NegativeZero => negative && magnitude == 0,
            NanCodes::None => false,
        };
        if is_nan {
            let top_exponent = layout.nan == NanCodes::TopExponent;
            let quiet = fraction >> layout.fraction_bits.saturating_sub(1) == 1;
            return Nan { signalling: top_exponent && !quiet };
        }
        let infinity = match layout.nan {
            NanCodes::TopExponent => top,
            NanCodes::AllOnes => ones - 1,
            _ => ones,
        };
        if layout.infinities && magnitude == infinity {
            return Infinite { negative };
        }
        match value_of(layout, magnitude) {
            None => Zero { negative: negative && layout.negative_zero },
            Some((significand, exponent)) => Number { negative, significand, exponent },
        }
    }

    fn magnitude(&self, x: Datum) -> Fixed {
        match x {
            Number { significand, exponent, .. } => self.fixed(significand.into(), exponent),
            _ => Fixed::ZERO,
        }
    }

    fn sum_of(&self, a: (bool, Fixed), b: (bool, Fixed)) -> Outcome {
        let real = |negative, x| Outcome::Real { negative, magnitude: Real::Whole(x) };
        if a.0 == b.0 {
            return real(a.0, a.1.plus(&b.1));
        }
        match a.1.cmp(&b.1) {
            Ordering::Equal => Outcome::Cancelled,
            Ordering::Greater => real(a.0, a.1.minus(&b.1)),
            Ordering::Less => real(b.0, b.1.minus(&a.1)),
        }
    }

    pub(crate) fn add(&self, a: Datum, b: Datum) -> Outcome {
        if let Some(nan) = nan(&[a, b]) {
            return nan;
        }
        match (a, b) {
            (Infinite { negative }, Infinite { negative: other }) if negative != other => INVALID,
            (Infinite { negative }, _) | (_, Infinite { negative }) => {
                Outcome::Infinite { negative, flags: Flags::NONE }
            }
            (Zero { negative }, Zero { negative: other }) if negative == other => {
                Outcome::Zero { negative }
            }
            _ => self.sum_of((a.negative(), self.magnitude(a)), (b.negative(), self.magnitude(b))),
        }
    }

    pub(crate) fn multiply(&self, a: Datum, b: Datum) -> Outcome {
        if let Some(nan) = nan(&[a, b]) {
            return nan;
        }
        let negative = a.negative() != b.negative();
        match (a, b) {
            (Infinite { .. }, Zero { .. }) | (Zero { .. }, Infinite { .. }) => INVALID,
            (Infinite { .. }, _) | (_, Infinite { .. }) => {
                Outcome::Infinite { negative, flags: Flags::NONE }
            }
            (Zero { .. }, _) | (_, Zero { .. }) => Outcome::Zero { negative },
            _ => Outcome::Real { negative, magnitude: Real::Whole(self.product(a, b)) },
        }
    }

    fn product(&self, a: Datum, b: Datum) -> Fixed {
        match (a, b) {
            (
                Number { significand: s, exponent: e, .. },
                Number { significand: t, exponent: f, .. },
            ) => self.fixed(u128::from(s) * u128::from(t), e + f),
            _ => Fixed::ZERO,
        }
    }

    pub(crate) fn divide(&self, a: Datum, b: Datum) -> Outcome {
        if let Some(nan) = nan(&[a, b]) {
            return nan;
        }
        let negative = a.negative() != b.negative();
        let signed_zero = self.format.layout().negative_zero;
        match (a, b) {
            (Infinite { .. }, Infinite { .. }) | (Zero { .. }, Zero { .. }) => INVALID,
            (_, Zero { .. }) if !signed_zero => INVALID,
            (Infinite { .. }, _) => Outcome::Infinite { negative, flags: Flags::NONE },
            (_, Zero { .. }) => Outcome::Infinite { negative, flags: Flags::DIVIDE_BY_ZERO },
            (_, Infinite { .. }) | (Zero { .. }, _) => Outcome::Zero { negative },
            (
                Number { significand: s, exponent: e, .. },
                Number { significand: t, exponent: f, .. },
            ) => Outcome::Real {
                negative,
                magnitude: Real::Quotient(self.fixed(s.into(), e - f), t),
            },
            _ => unreachable!(),
        }
    }

    /// A datum of any format, in this model's units.
    pub(crate) fn converted(&self, a: Datum) -> Outcome {
        match a {
            Nan { .. } => nan(&[a]).unwrap(),
            Infinite { negative } => Outcome::Infinite { negative, flags: Flags::NONE },
            Zero { negative } => Outcome::Zero { negative },
            Number { negative, .. } => {
                Outcome::Real { negative, magnitude: Real::Whole(self.magnitude(a)) }
            }
        }
    }

    pub(crate) fn square_root(&self, a: Datum) -> Outcome {
        match a {
            Nan { .. } => nan(&[a]).unwrap(),
            Zero { negative } => Outcome::Zero { negative },
            _ if a.negative() => INVALID,
            Infinite { .. } => Outcome::Infinite { negative: false, flags: Flags::NONE },
            Number { significand, exponent, .. } => {
                Outcome::Real { negative: false, magnitude: Real::Root(significand, exponent) }
            }
        }
    }

    pub(crate) fn fma(&self, a: Datum, b: Datum, c: Datum) -> Outcome {
        let product = self.multiply(a, b);
        if let Some(Outcome::Nan(flags)) = nan(&[a, b, c]) {
            let zero_times_infinity =
                matches!((a, b), (Infinite { .. }, Zero { .. }) | (Zero { .. }, Infinite { .. }));
            return Outcome::Nan(flags | if zero_times_infinity { Flags::INVALID } else { flags });
        }
        match (product, c) {
            (Outcome::Nan(flags), _) => Outcome::Nan(flags),
            (Outcome::Infinite { negative, .. }, Infinite { negative: other })
                if negative != other =>
            {
                INVALID
            }
            (infinite @ Outcome::Infinite { .. }, _) => infinite,
            (_, Infinite { negative }) => Outcome::Infinite { negative, flags: Flags::NONE },
            (Outcome::Zero { negative }, Zero { negative: other }) if negative == other => {
                Outcome::Zero { negative }
            }
            _ => self.sum_of(
                (a.negative() != b.negative(), self.product(a, b)),
                (c.negative(), self.magnitude(c)),
            ),
        }
    }

    /// By the definition: subtract the divisor as often as it goes, doubled as far as it goes.
    pub(crate) fn remainder(&self, a: Datum, b: Datum) -> Outcome {
        if let Some(nan) = nan(&[a, b]) {
            return nan;
        }
        match (a, b) {
            (Infinite { .. }, _) | (_, Zero { .. }) => return INVALID,
            (Zero { negative }, _) => return Outcome::Zero { negative },
            _ => {}
        }
        let (mut rest, divisor) = (self.magnitude(a), self.magnitude(b));
        if !matches!(b, Infinite { .. }) {
            let mut doubled = vec![divisor];
            while doubled.last().unwrap() <= &rest {
                let next = doubled.last().unwrap().times(2);
                doubled.push(next);
            }
            let mut odd = false;
            for (i, multiple) in doubled.iter().enumerate().rev() {
                if &rest >= multiple {
                    rest = rest.minus(multiple);
                    odd |= i == 0;
                }
            }
            let twice = rest.times(2);
            if twice > divisor || twice == divisor && odd {
                let magnitude = Real::Whole(divisor.minus(&rest));
                return Outcome::Real { negative: !a.negative(), magnitude };
            }
        }
        match rest.is_zero() {
            true => Outcome::Zero { negative: a.negative() },
            false => Outcome::Real { negative: a.negative(), magnitude: Real::Whole(rest) },
        }
    }

    /// The order of two data; `None` if either is NaN.
    pub(crate) fn compare_data(&self, a: Datum, b: Datum) -> Option<Ordering> {
        if nan(&[a, b]).is_some() {
            return None;
        }
        let rank = |x| match x {
            Infinite { negative } => (if negative { -2 } else { 2 }, Fixed::ZERO),
            Zero { .. } => (0, Fixed::ZERO),
            _ => (if x.negative() { -1 } else { 1 }, self.magnitude(x)),
        };
        let (x, y) = (rank(a), rank(b));
        Some(x.0.cmp(&y.0).then_with(|| if x.0 < 0 { y.1.cmp(&x.1) } else { x.1.cmp(&y.1) }))
    }

    /// What an exact result becomes in the model's format, for each rounding in turn.
    pub(crate) fn finish(
        &self,
        outcome: &Outcome,
        roundings: &[Rounding],
        tininess: Tininess,
    ) -> Vec<ModelResult> {
        let place = match outcome {
            Outcome::Real { magnitude, .. } => Some(self.place(magnitude)),
            _ => None,
        };
        let one = |rounding: Rounding| match *outcome {
            Outcome::Real { negative, .. } => {
                self.round(negative, place.unwrap(), rounding, tininess)
            }
            Outcome::Zero { negative } => self.exact_zero(negative),
            Outcome::Cancelled => self.exact_zero(rounding == Rounding::Down),
            Outcome::Infinite { negative, flags } => self.infinity(negative).with(flags),
            Outcome::Nan(flags) => self.nan(flags),
        };
        roundings.iter().map(|&rounding| one(rounding)).collect()
    }

    fn exact_zero(&self, negative: bool) -> ModelResult {
        match self.format.layout().zero {
            true => ModelResult::Code(self.zero(negative), Flags::NONE),
            false => self.nan(Flags::INVALID),
        }
    }

    fn nan(&self, flags: Flags) -> ModelResult {
        match self.format.layout().nan {
            NanCodes::None => ModelResult::Code(self.zero(true), flags | Flags::INVALID),
            _ => ModelResult::Nan(flags),
        }
    }

    fn infinity(&self, negative: bool) -> ModelResult {
        let layout = self.format.layout();
        let flags = Flags::OVERFLOW | Flags::INEXACT;
        if negative && !layout.sign {
            return match layout.overflow {
                Overflow::Nan => ModelResult::Nan(flags),
                _ => ModelResult::Code(0, flags),
            };
        }
        if !layout.infinities || layout.overflow == Overflow::Clamp {
            return self.overflow(negative, Rounding::NearestEven);
        }
        match self.overflow(negative, Rounding::NearestEven) {
            ModelResult::Code(code, _) if layout.overflow == Overflow::Infinity => {
                ModelResult::Code(code, Flags::NONE)
            }
            _ => unreachable!("no such format is modelled"),
        }
    }
}
