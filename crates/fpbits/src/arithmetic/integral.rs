//! Rounding to an integer in the same format.

use super::exact::Exact;
use crate::rounding::split;
use crate::{Context, Flags, Format, Rounded, Rounding, Unrounded, Value};

impl Format {
    /// a rounded to an integer in the context's direction (roundToIntegralExact): signals inexact
    /// if it was none. IEEE 754's roundToIntegralTiesToEven and so on are the same without the flag.
    /// A result of zero keeps the sign of a.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format, Rounding};
    /// let f = Format::BINARY16;
    /// let x = f.parse("-2.5").unwrap();
    /// let rounded = f.round_to_integral(x, Context::NEAREST_EVEN);
    /// assert_eq!((f.to_shortest(rounded.code).as_str(), rounded.flags), ("-2", Flags::INEXACT));
    /// let down = f.round_to_integral(x, Context::new(Rounding::Down));
    /// assert_eq!(f.to_shortest(down.code), "-3");
    /// ```
    pub const fn round_to_integral(&self, a: u64, context: Context) -> Rounded {
        self.round_exact(&Exact::integral(&self.decode(a), context.rounding), context)
    }
}

impl Exact {
    /// a rounded to an integer; inexact if it was none.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Exact, ExactValue, Flags, Rounding, Value};
    /// let rounded = Exact::integral(&Value::of_f64(0.25), Rounding::NearestEven);
    /// assert_eq!(rounded.value, ExactValue::Zero { negative: false });
    /// assert_eq!(rounded.flags, Flags::INEXACT);
    /// ```
    pub const fn integral(a: &Value, rounding: Rounding) -> Exact {
        let Value::Finite(number) = *a else { return Exact::of(a) };
        if number.exponent >= 0 {
            return Exact::of(a);
        }
        let shift = -(number.exponent as i64);
        let (kept, discarded) = split(number.significand as u128, shift, false, rounding);
        let away = discarded.away_from_zero(rounding, number.negative, kept & 1 == 1);
        let magnitude = kept + away as u128;
        let flags = Flags::INEXACT.when(!discarded.is_zero());
        let result = match magnitude {
            0 => Exact::zero(number.negative),
            _ => Exact::number(Unrounded {
                negative: number.negative,
                significand: magnitude,
                exponent: 0,
                sticky: false,
            }),
        };
        Exact { flags, ..result }
    }
}
