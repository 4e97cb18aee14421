//! From a number of bits to a number system: what follows from choosing the exponent's width.

use super::{Format, Layout};
use crate::FpbitsError;
#[cfg(feature = "alloc")]
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A format designed from its width, and what follows from the choice.
///
/// # Examples
/// ```
/// use fpbits::Format;
/// let design = Format::design(16, 5).unwrap();
/// assert_eq!(*design.format(), Format::BINARY16);
/// for step in design.derivations() {
///     println!("{:<20} {:<24} {}", step.name, step.value, step.reason);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Design {
    format: Format,
}

/// One quantity of a [`Design`]: its value and why it is that.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// What the quantity is called.
    pub name: &'static str,
    /// Its value, with the formula it comes from.
    pub value: String,
    /// Why it follows.
    pub reason: String,
}

impl Format {
    /// Designs a number system from an empty register: `total` bits, `exponent` of them for the
    /// exponent, one for the sign, the rest for the fraction, special values as in IEEE 754.
    ///
    /// # Errors
    /// If the bits do not suffice for a sign, the exponent and a fraction bit, which tells NaN from
    /// infinity.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let design = Format::design(8, 4).unwrap();
    /// assert_eq!(*design.format(), Format::E4M3);
    /// assert!(Format::design(8, 7).is_err()); // no bit left for the fraction
    /// ```
    pub const fn design(total: u32, exponent: u32) -> Result<Design, FpbitsError> {
        if total > 64 || exponent < 1 || exponent > 15 || exponent + 2 > total {
            return Err(FpbitsError::Design { total, exponent });
        }
        match Format::new(Layout::ieee(exponent, total - 1 - exponent)) {
            Ok(format) => Ok(Design { format }),
            Err(error) => Err(error),
        }
    }
}

impl Design {
    /// The format that was designed.
    pub const fn format(&self) -> &Format {
        &self.format
    }
}

#[cfg(feature = "alloc")]
impl Design {
    /// What follows from the two widths, in the order in which it follows.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let steps = Format::design(16, 8).unwrap().derivations();
    /// let bias = steps.iter().find(|step| step.name == "bias").unwrap();
    /// assert_eq!(bias.value, "2^(8-1) - 1 = 127");
    /// ```
    pub fn derivations(&self) -> Vec<Derivation> {
        let mut steps = Vec::new();
        self.widths(&mut steps);
        self.exponents(&mut steps);
        self.values(&mut steps);
        self.spacing(&mut steps);
        self.digits(&mut steps);
        steps
    }

    fn widths(&self, steps: &mut Vec<Derivation>) {
        let (e, m, total) = self.numbers();
        push(steps, "fraction bits", format!("{total} - 1 - {e} = {m}"), {
            "what the sign and the exponent leave of the register".into()
        });
        push(steps, "precision", format!("p = {m} + 1 = {}", m + 1), {
            "a normal number starts with a 1, which need not be stored".into()
        });
    }

    fn exponents(&self, steps: &mut Vec<Derivation>) {
        let (e, _, _) = self.numbers();
        let f = &self.format;
        let (bias, top) = (f.layout().bias, (1u32 << e) - 1);
        push(steps, "bias", format!("2^({e}-1) - 1 = {bias}"), {
            "puts the exponent 0 in the middle of the fields, so that the exponents of a number and \
             of its reciprocal are both there"
                .into()
        });
        push(steps, "smallest exponent", format!("1 - {bias} = {}", f.min_exponent()), {
            "field 0 is for zero and the subnormal numbers; normal numbers start at field 1".into()
        });
        push(steps, "largest exponent", format!("{top} - 1 - {bias} = {}", f.max_exponent()), {
            format!("field {top}, all ones, is for infinity and NaN")
        });
    }

    fn values(&self, steps: &mut Vec<Derivation>) {
        let (_, m, total) = self.numbers();
        let f = &self.format;
        // In full where that is short.
        let text = |code| match f.to_decimal(code) {
            Some(exact) if exact.digits().len() <= 17 && exact.scientific_exponent() >= -12 => {
                exact.to_string()
            }
            _ => f.to_shortest(code),
        };
        push(
            steps,
            "largest number",
            format!("(2 - 2^-{m}) x 2^{} = {}", f.max_exponent(), text(f.max_finite())),
            "all ones in the fraction, under the largest exponent".into(),
        );
        push(
            steps,
            "smallest normal",
            format!("2^{} = {}", f.min_exponent(), text(f.min_normal())),
            "1.0 under the smallest exponent".into(),
        );
        push(
            steps,
            "smallest positive",
            format!("2^({} - {m}) = {}", f.min_exponent(), text(f.min_positive())),
            "subnormal numbers fill the gap to zero with the spacing of the smallest normal ones, so \
             that x - y = 0 only if x = y"
                .into(),
        );
        let finite = u128::from(f.max_finite()) * 2 + 1;
        push(
            steps,
            "finite values",
            format!("2 x {} + 1 = {finite}", f.max_finite()),
            format!(
                "of 2^{total} codes, zero has 2, the infinities 2, NaN 2 x (2^{m} - 1) = {}",
                2 * ((1u128 << m) - 1)
            ),
        );
    }

    fn spacing(&self, steps: &mut Vec<Derivation>) {
        let (_, m, _) = self.numbers();
        push(
            steps,
            "epsilon",
            format!("2^-{m} = {}", power_of_two_text(-(m as i32))),
            "the distance from 1 to the next number: 1 in the last place of the fraction".into(),
        );
        push(
            steps,
            "unit roundoff",
            format!("2^-{} = {}", m + 1, power_of_two_text(-(m as i32) - 1)),
            "half of epsilon: no normal result rounded to nearest is off by more, relative to it"
                .into(),
        );
        let reach = (m as i32 + 1).min(self.format.max_exponent());
        push(
            steps,
            "integers",
            format!("all up to 2^{reach} = {}", power_of_two_text(reach)),
            match reach == m as i32 + 1 {
                true => "beyond it, the spacing is more than 1".into(),
                false => "beyond it lies the end of the range".into(),
            },
        );
    }

    fn digits(&self, steps: &mut Vec<Derivation>) {
        let p = self.format.precision();
        push(
            steps,
            "decimal digits kept",
            format!("floor(({p} - 1) x log10 2) = {}", times_log10_2(p - 1)),
            "a decimal of so many digits survives the way into the format and back, if it is in \
             the normal range"
                .into(),
        );
        push(
            steps,
            "decimal digits needed",
            format!("ceil({p} x log10 2 + 1) = {}", times_log10_2(p) + 2),
            "so many digits tell all numbers of the format apart".into(),
        );
    }

    /// Exponent bits, fraction bits, all bits.
    fn numbers(&self) -> (u32, u32, u32) {
        let layout = self.format.layout();
        (layout.exponent_bits, layout.fraction_bits, self.format.width())
    }
}

#[cfg(feature = "alloc")]
fn push(steps: &mut Vec<Derivation>, name: &'static str, value: String, reason: String) {
    steps.push(Derivation { name, value, reason });
}

/// floor(n x log10 2), for n up to 64: no multiple of log10 2 comes near an integer there.
#[cfg(feature = "alloc")]
fn times_log10_2(n: u32) -> u32 {
    n * 30_103 / 100_000
}

/// A power of two in the digits that binary64 needs for it.
#[cfg(feature = "alloc")]
fn power_of_two_text(exponent: i32) -> String {
    let number = crate::Number::power_of_two(exponent);
    Format::BINARY64.to_shortest(Format::BINARY64.encode(&crate::Value::Finite(number)))
}
