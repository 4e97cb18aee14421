//! A format as a table of its values, and arithmetic as the standards describe it: find the two
//! neighbours of the exact result and choose one. It shares no code with the crate.
//!
//! Exact results are never computed to so many bits: they are compared with numbers that are
//! exact ([`Real`]), which is all that choosing a neighbour needs.

mod fixed;
mod integral;
mod operations;

pub(crate) use fixed::Fixed;
pub(crate) use integral::integral;
pub(crate) use operations::{Datum, ModelResult, Outcome};

use fpbits::{Flags, Format, Layout, NanCodes, Overflow, Rounding, Tininess};
use std::cmp::Ordering;

/// A positive real number, known by comparing it.
pub(crate) enum Real {
    /// The number in the model's units.
    Whole(Fixed),
    /// A quotient: dividend in units, divisor.
    Quotient(Fixed, u64),
    /// The root of significand x 2^exponent.
    Root(u64, i32),
}

/// A format as a table.
pub(crate) struct Model {
    pub(crate) format: Format,
    /// The exponent of the unit.
    unit: i32,
    /// The positive values in ascending order, and the one that would follow the largest.
    values: Vec<Fixed>,
    /// The first `values` as significand and exponent.
    parts: Vec<(u64, i32)>,
    /// The code of the smallest one; each next one has the next code.
    first_code: u64,
    min_normal: Fixed,
}

/// Where a positive number lies.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// How many positive values are not above it.
    below: usize,
    /// What is left over, against half of the gap: less, equal, greater.
    half: Ordering,
    /// What is left over in eighths of the gap, to nearest even.
    eighths: u32,
    exact: bool,
    /// At or above the value that would follow the largest.
    beyond: bool,
    below_normal: bool,
    /// Compared with the number half a place below the smallest normal one at full precision.
    tiny_threshold: Ordering,
    /// Compared with the number a whole such place below it.
    tiny_neighbour: Ordering,
}

/// The value of the code of a positive number, by the textbook.
fn value_of(layout: &Layout, code: u64) -> Option<(u64, i32)> {
    let m = layout.fraction_bits;
    let (exponent, fraction) = ((code >> m) as i32, code & ((1 << m) - 1));
    let m = m as i32;
    match (exponent, layout.zero) {
        (0, true) if fraction == 0 || !layout.subnormals => None,
        (0, true) => Some((fraction, 1 - layout.bias - m)),
        _ => Some((1 << m | fraction, exponent - layout.bias - m)),
    }
}

/// How many codes, without the sign, are not finite numbers.
fn reserved(layout: &Layout) -> u64 {
    match layout.nan {
        NanCodes::TopExponent => 1 << layout.fraction_bits,
        NanCodes::AllOnes => 1 + u64::from(layout.infinities),
        NanCodes::NegativeZero | NanCodes::None => u64::from(layout.infinities),
    }
}

impl Model {
    pub(crate) fn new(format: Format) -> Model {
        Model::in_units(format, i32::MAX)
    }

    /// A model whose unit is no coarser than 2^finest.
    pub(crate) fn in_units(format: Format, finest: i32) -> Model {
        let layout = *format.layout();
        let codes = (1u64 << (layout.exponent_bits + layout.fraction_bits)) - reserved(&layout);
        let numbered: Vec<(u64, (u64, i32))> =
            (0..codes).filter_map(|code| Some((code, value_of(&layout, code)?))).collect();
        let smallest = numbered.iter().map(|(_, (_, exponent))| *exponent).min().unwrap();
        // Products of two, and sixteenths of the gaps.
        let unit = (2 * smallest).min(smallest).min(finest) - 6;
        let mut model = Model {
            format,
            unit,
            values: Vec::new(),
            parts: numbered.iter().map(|(_, parts)| *parts).collect(),
            first_code: numbered[0].0,
            min_normal: Fixed::ZERO,
        };
        model.values = model.parts.iter().map(|&(s, e)| model.fixed(s.into(), e)).collect();
        let (s, e) = *model.parts.last().unwrap();
        model.values.push(model.fixed(u128::from(s) + 1, e));
        let first_field = i32::from(layout.zero);
        model.min_normal = model.fixed(1, first_field - layout.bias);
        model
    }

    pub(crate) fn fixed(&self, significand: u128, exponent: i32) -> Fixed {
        Fixed::new(significand, (exponent - self.unit) as u32)
    }

    fn compare(&self, x: &Real, y: &Fixed) -> Ordering {
        match x {
            Real::Whole(x) => x.cmp(y),
            Real::Quotient(dividend, divisor) => dividend.cmp(&y.times(*divisor)),
            Real::Root(..) => unreachable!("roots are compared with parts"),
        }
    }

    /// x against value i, or against the middle between it and the next.
    fn compare_value(&self, x: &Real, i: usize) -> Ordering {
        self.compare(x, &self.values[i])
    }

    pub(crate) fn place(&self, x: &Real) -> Place {
        if let Real::Root(significand, exponent) = *x {
            return self.place_of_root(significand, exponent);
        }
        let last = self.values.len() - 1;
        let below = self.values.partition_point(|v| self.compare(x, v) != Ordering::Less);
        let beyond = below > last;
        let lower = match below {
            0 => Fixed::ZERO,
            _ => self.values[below - 1],
        };
        let upper = self.values[below.min(last)];
        let exact = below > 0 && !beyond && self.compare_value(x, below - 1).is_eq();
        let gap = if beyond {
            self.values[last].minus(&self.values[last - 1])
        } else {
            upper.minus(&lower)
        };
        let sixteenth = gap.half().half().half().half();
        let at = |sixteenths: u64| self.compare(x, &lower.plus(&sixteenth.times(sixteenths)));
        let place = self.min_normal.half();
        let place = (0..self.format.layout().fraction_bits).fold(place, |p, _| p.half());
        Place {
            below,
            half: if beyond { Ordering::Less } else { at(8) },
            eighths: if beyond { 0 } else { eighths(at) },
            exact,
            beyond,
            below_normal: self.compare(x, &self.min_normal).is_lt(),
            tiny_threshold: self.compare(x, &self.min_normal.minus(&place.half())),
            tiny_neighbour: self.compare(x, &self.min_normal.minus(&place)),
        }
    }

    /// The root against y is its square against the square of y.
    fn place_of_root(&self, significand: u64, exponent: i32) -> Place {
        let against = |s: u128, e: i32| {
            // significand 2^exponent against s^2 2^(2e)
            let (square, shift) = (s * s, exponent - 2 * e);
            let (x, y) = match shift {
                0.. => (Fixed::new(significand.into(), shift as u32), Fixed::new(square, 0)),
                _ => (Fixed::new(significand.into(), 0), Fixed::new(square, -shift as u32)),
            };
            x.cmp(&y)
        };
        let below = self.parts.partition_point(|&(s, e)| against(s.into(), e) != Ordering::Less);
        assert!(below < self.parts.len() || self.parts.len() == 1 || below > 0);
        // The neighbours in units of a sixteenth of the gap.
        let (s, e) = if below == 0 { (0, self.parts[0].1) } else { self.parts[below - 1] };
        let (s, e) = (u128::from(s) << 4, e - 4);
        let gap = if below == 0 { u128::from(self.parts[0].0) } else { 1 };
        let at = |sixteenths: u64| against(s + gap * u128::from(sixteenths), e);
        let normal_exponent = i32::from(self.format.layout().zero) - self.format.layout().bias;
        Place {
            below,
            half: at(8),
            eighths: eighths(at),
            exact: below > 0 && at(0).is_eq(),
            beyond: at(16).is_ge(),
            below_normal: against(1, normal_exponent).is_lt(),
            tiny_threshold: Ordering::Less,
            tiny_neighbour: Ordering::Less,
        }
    }

    /// Rounds a number of this sign at this place.
    pub(crate) fn round(
        &self,
        negative: bool,
        place: Place,
        rounding: Rounding,
        tininess: Tininess,
    ) -> ModelResult {
        let layout = self.format.layout();
        if place.below == 0 && !layout.zero && (layout.sign || !negative) {
            let sign = 1 << (layout.exponent_bits + layout.fraction_bits);
            let code = if negative { sign } else { 0 };
            return ModelResult::Code(code, Flags::UNDERFLOW | Flags::INEXACT);
        }
        let code_below = match place.below {
            0 => 0,
            below => self.first_code + below as u64 - 1,
        };
        let one_bit = layout.fraction_bits == 0;
        let odd = if one_bit && !layout.zero { true } else { code_below & 1 == 1 };
        let flushed = place.below == 0 && !layout.subnormals;
        let odd = odd && !flushed;
        let away = self.chooses_upper(negative, place, rounding, odd);
        let chosen = place.below + usize::from(away);
        let tiny = place.below_normal
            && (tininess == Tininess::BeforeRounding
                || !self.rounds_up_to_normal(negative, place, rounding));
        let mut flags = Flags::NONE;
        if !place.exact {
            flags |= Flags::INEXACT;
            if tiny {
                flags |= Flags::UNDERFLOW;
            }
        }
        if chosen == 0 && layout.zero {
            return ModelResult::Code(self.zero(negative), flags);
        }
        let largest = self.values.len() - 1;
        let sign =
            if layout.sign { 1u64 << (layout.exponent_bits + layout.fraction_bits) } else { 0 };
        if negative && !layout.sign {
            return match layout.overflow {
                Overflow::Nan => ModelResult::Nan(Flags::OVERFLOW | Flags::INEXACT),
                _ => ModelResult::Code(0, Flags::OVERFLOW | Flags::INEXACT),
            };
        }
        let signed = |magnitude| if negative { sign | magnitude } else { magnitude };
        if place.beyond || chosen > largest {
            return self.overflow(negative, rounding);
        }
        ModelResult::Code(signed(self.first_code + chosen as u64 - 1), flags)
    }

    fn chooses_upper(&self, negative: bool, place: Place, rounding: Rounding, odd: bool) -> bool {
        if place.exact || place.beyond {
            return false;
        }
        match rounding {
            Rounding::NearestEven => place.half.is_gt() || place.half.is_eq() && odd,
            Rounding::NearestAway => place.half.is_ge(),
            Rounding::TowardZero => false,
            Rounding::Up => !negative,
            Rounding::Down => negative,
            Rounding::ToOdd => !odd,
            Rounding::Stochastic { bits, random } => {
                assert_eq!(bits, 3);
                place.eighths + random >= 8
            }
        }
    }

    /// Whether a number below the normal range would be the smallest normal one if exponents went
    /// on below.
    fn rounds_up_to_normal(&self, negative: bool, place: Place, rounding: Rounding) -> bool {
        if place.tiny_neighbour.is_le() {
            return false; // the lower neighbour itself, or below it
        }
        match rounding {
            // The lower neighbour is odd: a tie goes up.
            Rounding::NearestEven | Rounding::NearestAway => place.tiny_threshold.is_ge(),
            Rounding::TowardZero | Rounding::ToOdd => false,
            Rounding::Up => !negative,
            Rounding::Down => negative,
            Rounding::Stochastic { .. } => unreachable!("not modelled"),
        }
    }

    pub(crate) fn zero(&self, negative: bool) -> u64 {
        let layout = self.format.layout();
        let has_negative = layout.sign && layout.negative_zero;
        if negative && has_negative {
            1 << (layout.exponent_bits + layout.fraction_bits)
        } else {
            0
        }
    }

    pub(crate) fn overflow(&self, negative: bool, rounding: Rounding) -> ModelResult {
        let layout = self.format.layout();
        let flags = Flags::OVERFLOW | Flags::INEXACT;
        let largest = self.first_code + self.values.len() as u64 - 2;
        let sign = if negative { 1 << (layout.exponent_bits + layout.fraction_bits) } else { 0 };
        let one_bit_without_zero = layout.fraction_bits == 0 && !layout.zero;
        let keeps = match rounding {
            Rounding::TowardZero => true,
            Rounding::Up => negative,
            Rounding::Down => !negative,
            Rounding::ToOdd => largest & 1 == 1 || one_bit_without_zero,
            _ => false,
        };
        match layout.overflow {
            _ if keeps => ModelResult::Code(sign | largest, flags),
            Overflow::Saturate | Overflow::Clamp => ModelResult::Code(sign | largest, flags),
            Overflow::Infinity => ModelResult::Code(sign | (largest + 1), flags),
            Overflow::Nan => ModelResult::Nan(flags),
        }
    }
}

/// The number of eighths nearest to a number that is compared with sixteenths.
fn eighths(at: impl Fn(u64) -> Ordering) -> u32 {
    let below = (0..=8).rev().find(|&k| at(2 * k).is_ge()).unwrap_or(0);
    let (tie, even) = (at(2 * below + 1), below % 2 == 0);
    (below + u64::from(tie.is_gt() || tie.is_eq() && !even)) as u32
}
