//! The shortest decimal that rounds to a code, digit by digit.
//!
//! After Steele and White, and Burger and Dybvig
//! ([Printing Floating-Point Numbers Quickly and Accurately](https://doi.org/10.1145/231379.231397)),
//! in integers of any size: the value is rest / scale, and low / scale and high / scale are the
//! distances to where the neighbours' numbers begin. Digits are taken from the value itself until
//! cutting it off, or cutting it off and adding one, lands within those distances.
//!
//! Burger and Dybvig fix the first digit's place by the upper end of the interval. For formats of
//! very few bits, whose intervals reach across powers of ten, that does not give the nearest decimal
//! of its length; here the place is that of the value.

use crate::natural::Natural;
use crate::{Decimal, Format, Number};
use alloc::vec::Vec;
use core::cmp::Ordering;

impl Format {
    /// The shortest decimal that rounds to a finite code other than zero's, to nearest even, and of
    /// those the nearest to its value, of two equally near ones the one with an even last digit.
    pub(crate) fn shortest(&self, number: Number, code: u64) -> Decimal {
        let mut interval = Interval::of(self, number, code);
        let first = interval.scale_to_first_digit(number);
        let mut digits = Vec::new();
        loop {
            let digit = interval.next_digit();
            let (lower, upper) = interval.reaches();
            if !lower && !upper {
                digits.push(digit);
                continue;
            }
            let up = match (lower, upper) {
                (true, true) => match interval.against_half() {
                    Ordering::Less => false,
                    Ordering::Equal => digit % 2 == 1,
                    Ordering::Greater => true,
                },
                (_, upper) => upper,
            };
            digits.push(digit + u8::from(up)); // may be ten: the sum below carries
            break;
        }
        let exponent = first - (digits.len() as i32 - 1);
        let mut coefficient = Natural::new(0);
        for digit in digits {
            coefficient.multiply_add(10, digit.into());
        }
        Decimal::new(number.negative, coefficient, exponent)
    }
}

/// A value and the decimals that round to it.
struct Interval {
    rest: Natural,
    scale: Natural,
    /// To the middle between the value and its lower neighbour.
    low: Natural,
    /// To the middle between the value and its upper neighbour.
    high: Natural,
    /// Whether the middles themselves round to the value.
    low_included: bool,
    high_included: bool,
}

impl Interval {
    fn of(format: &Format, number: Number, code: u64) -> Interval {
        let m = format.layout().fraction_bits as i32;
        let (leading, first) = (number.leading_exponent(), format.min_exponent());
        let ulp = leading.max(first) - m;
        // In quarters of the spacing above the value.
        let unit = ulp - 2;
        let mut rest = Natural::new(number.significand);
        rest.shift_left((number.exponent - unit) as u64);
        let (mut scale, mut high) = (Natural::new(1), Natural::new(2));
        // Below a power of two the spacing is half of that, unless the subnormal range begins, or
        // nothing at all lies between it and zero.
        let power = number.significand == 1;
        let lowest = power && leading == first && format.layout().zero;
        let mut low = match (lowest, format.layout().subnormals) {
            (true, false) => Natural::new(2 << m),
            (false, _) if power && leading >= first => Natural::new(1),
            _ => Natural::new(2),
        };
        if unit >= 0 {
            for natural in [&mut rest, &mut low, &mut high] {
                natural.shift_left(unit as u64);
            }
        } else {
            scale.shift_left(unit.unsigned_abs().into());
        }
        let even = code & 1 == 0;
        let (low_included, high_included) = match (m, format.layout().zero) {
            (0, false) => (true, false), // ties go up
            _ if lowest && !format.layout().subnormals => (false, even), // the other is zero
            _ => (even, even),
        };
        Interval { rest, scale, low, high, low_included, high_included }
    }

    /// Multiplies by a power of ten so that the value is a digit before the point, less than ten;
    /// returns the exponent that was taken out.
    fn scale_to_first_digit(&mut self, number: Number) -> i32 {
        // 10^(e - 1) < value < 10^(e + 1), with e from the leading bit.
        let estimate = (i64::from(number.leading_exponent()) * 30_103).div_euclid(100_000);
        let mut exponent = estimate as i32;
        match exponent {
            0.. => self.scale.multiply_power_of_ten(exponent.unsigned_abs()),
            _ => {
                for natural in [&mut self.rest, &mut self.low, &mut self.high] {
                    natural.multiply_power_of_ten(exponent.unsigned_abs());
                }
            }
        }
        while self.rest.cmp(&self.scale) == Ordering::Less {
            self.multiply_by_ten();
            exponent -= 1;
        }
        let mut ten = self.scale.clone();
        ten.multiply_add(10, 0);
        while self.rest.cmp(&ten) != Ordering::Less {
            self.scale = ten.clone();
            ten.multiply_add(10, 0);
            exponent += 1;
        }
        // The first call of next_digit multiplies by ten.
        self.scale = ten;
        exponent
    }

    fn multiply_by_ten(&mut self) {
        for natural in [&mut self.rest, &mut self.low, &mut self.high] {
            natural.multiply_add(10, 0);
        }
    }

    /// Takes the next digit off.
    fn next_digit(&mut self) -> u8 {
        self.multiply_by_ten();
        let mut digit = 0;
        while self.rest.cmp(&self.scale) != Ordering::Less {
            self.rest.subtract(&self.scale);
            digit += 1;
        }
        digit
    }

    /// Whether the digits so far, and whether they with one more in the last place, round to the
    /// value.
    fn reaches(&self) -> (bool, bool) {
        let lower = match self.rest.cmp(&self.low) {
            Ordering::Less => true,
            Ordering::Equal => self.low_included,
            Ordering::Greater => false,
        };
        let mut sum = self.rest.clone();
        sum.add(&self.high);
        let upper = match sum.cmp(&self.scale) {
            Ordering::Greater => true,
            Ordering::Equal => self.high_included,
            Ordering::Less => false,
        };
        (lower, upper)
    }

    /// The rest against one half of the last place.
    fn against_half(&self) -> Ordering {
        let mut twice = self.rest.clone();
        twice.multiply_add(2, 0);
        twice.cmp(&self.scale)
    }
}
