//! A trace in words and bits.

use super::{Operation, Places, RoundStep, Step, Trace};
use crate::{Flags, Format, Integer, Number, Rounding, Unrounded, Value};
use alloc::format;
use alloc::string::{String, ToString};
use core::cmp::Ordering;
use core::fmt;

/// The width of the column that says what a line is.
const LABEL: usize = 10;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.operation, self.format)?;
        match self.operation.rounds() {
            true => writeln!(f, ", {}", self.context.rounding)?,
            false => writeln!(f)?,
        }
        for step in &self.steps {
            writeln!(f)?;
            self.write_step(f, step)?;
        }
        writeln!(f)?;
        line(f, "result", &self.result_text())?;
        if self.operation.gives_a_code()
            && let Some(exact) = self.format.to_decimal(self.result.code)
        {
            line(f, "exactly", &exact.to_string())?;
        }
        line(f, "flags", &self.result.flags.to_string())
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "{label:<LABEL$}{text}")
}

impl Trace {
    /// The result as text: a number and its code, an integer, or an order.
    pub fn result_text(&self) -> String {
        match self.operation {
            Operation::ToInteger(_) if self.result.flags.contains(Flags::INVALID) => "none".into(),
            Operation::ToInteger(integer) => self.integer(integer).to_string(),
            Operation::Compare => {
                ["less", "equal", "greater", "unordered"][self.result.code as usize].into()
            }
            _ => describe_code(&self.format, self.result.code),
        }
    }

    fn write_step(&self, f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, places: &Places| line(f, "", &places.row(""));
        match step {
            Step::Operand { name, code, value } => {
                line(f, &name.to_string(), &describe_code(&self.from, *code))?;
                match value {
                    Value::Finite(number) => {
                        let sign = if number.negative { "-" } else { "" };
                        line(f, "", &Places::of(&self.from, number).row(sign))
                    }
                    _ => Ok(()),
                }
            }
            Step::Integer(value) => line(f, "a", &value.to_string()),
            Step::Order { magnitudes, order } => {
                let (a, b) = if *magnitudes { ("|a|", "|b|") } else { ("a", "b") };
                let word = match order {
                    Ordering::Less => "is less than",
                    Ordering::Equal => "equals",
                    Ordering::Greater => "is greater than",
                };
                line(f, "order", &format!("{a} {word} {b}"))
            }
            Step::Special(rule) => line(f, "special", &rule.to_string()),
            Step::Align { name, shift, places } => {
                let places_word = if *shift == 1 { "place" } else { "places" };
                line(f, "align", &format!("shift {name} right by {shift} {places_word}"))?;
                row(f, places)
            }
            Step::Sum { subtracted, places } => {
                line(f, if *subtracted { "subtract" } else { "add" }, "the significands")?;
                row(f, places)
            }
            Step::Product(product) => {
                line(f, "multiply", "the significands; no bit is lost yet")?;
                line(f, "", &describe_exact(product))
            }
            Step::Quotient(quotient) => {
                line(f, "divide", "the significands, to more bits than the format has")?;
                line(f, "", &describe_exact(quotient))
            }
            Step::Root(root) => {
                line(f, "root", "of the significand, to more bits than the format has")?;
                line(f, "", &describe_exact(root))
            }
            Step::NearestMultiple(Some(n)) => line(
                f,
                "reduce",
                &format!("the integer nearest to a / b is {n} (without its sign)"),
            ),
            Step::NearestMultiple(None) => {
                line(f, "reduce", "the integer nearest to a / b has more than 127 bits")
            }
            Step::Normalize { shift, unit } => {
                let (by, to) = (shift.unsigned_abs(), if *shift > 0 { "right" } else { "left" });
                let text = format!("by {by} to the {to}: the last place is now 2^{unit}");
                line(f, "normalise", &text)
            }
            Step::Round(round) => {
                line(f, "round", &round.reason())?;
                row(f, &round.places)?;
                match round.away {
                    true => row(f, &round.chosen()),
                    false => Ok(()),
                }
            }
        }
    }
}

fn describe_code(format: &Format, code: u64) -> String {
    let width = format.width().div_ceil(4) as usize;
    format!("{} (0x{code:0width$x})", format.to_shortest(code))
}

/// An exact number with all its bits, or the leading ones and dots.
fn describe_exact(number: &Unrounded) -> String {
    let zeros = if number.sticky { 0 } else { number.significand.trailing_zeros() };
    let significand = number.significand >> zeros;
    let behind = significand.ilog2() as usize;
    let bits = format!("{significand:b}");
    let (point, more) = (if behind > 0 { "." } else { "" }, if number.sticky { "..." } else { "" });
    let exponent = number.exponent + zeros as i32 + behind as i32;
    format!("{}{point}{}{more} x 2^{exponent}", &bits[..1], &bits[1..])
}

impl Places {
    /// A number of the format in its own places.
    fn of(format: &Format, number: &Number) -> Places {
        let m = format.layout().fraction_bits;
        let unit = number.leading_exponent().max(format.min_exponent()) - m as i32;
        let kept = u128::from(number.significand) << (number.exponent - unit);
        let nothing = crate::rounding::split(0, 1, false, Rounding::TowardZero).1;
        Places { unit, fraction_bits: m, kept, below: nothing }
    }

    /// The exponent that belongs to the digit before the point.
    fn exponent(&self) -> i32 {
        self.unit + self.fraction_bits as i32
    }

    /// The bits, their points under one another; behind a bar guard, round and sticky, unless all
    /// are zero; and the exponent.
    fn row(&self, sign: &str) -> String {
        let m = self.fraction_bits;
        let (whole, fraction) = (self.kept >> m, self.kept & ((1 << m) - 1));
        let whole = format!("{sign}{whole:b}");
        let width = m as usize;
        let point = if m > 0 { format!(".{fraction:0width$b}") } else { String::new() };
        let bit = |set| if set { '1' } else { '0' };
        let below = match self.below.is_zero() {
            true => String::new(),
            false => {
                let [g, r, s] = [self.below.guard, self.below.round, self.below.sticky].map(bit);
                format!("|{g}{r}{s}")
            }
        };
        format!("{whole:>4}{point}{below:<4} x 2^{}", self.exponent())
    }
}

impl RoundStep {
    /// What was chosen.
    fn chosen(&self) -> Places {
        let nothing = crate::rounding::split(0, 1, false, Rounding::TowardZero).1;
        Places { kept: self.places.kept + 1, below: nothing, ..self.places }
    }

    fn reason(&self) -> String {
        let below = self.places.below;
        if below.is_zero() {
            return "nothing to round, the result is exact".to_string();
        }
        let bit = |set| u8::from(set);
        let bits = format!(
            "guard {}, round {}, sticky {}",
            bit(below.guard),
            bit(below.round),
            bit(below.sticky)
        );
        let away = if self.away { "away from zero" } else { "toward zero" };
        let sign = if self.negative { "negative" } else { "positive" };
        let parity = if self.odd { "odd" } else { "even" };
        let why = match self.rounding {
            Rounding::NearestEven if below.is_half() => {
                format!("exactly half, the last bit is {parity}: {away}")
            }
            Rounding::NearestAway if below.is_half() => format!("exactly half: {away}"),
            Rounding::NearestEven | Rounding::NearestAway => {
                let side = if below.guard { "more" } else { "less" };
                format!("{side} than half: {away}")
            }
            Rounding::TowardZero => away.to_string(),
            Rounding::Up | Rounding::Down => {
                format!("{} for a {sign} number: {away}", self.rounding)
            }
            Rounding::ToOdd => format!("the last bit is {parity}: {away}"),
            Rounding::Stochastic { bits, random } => {
                let part = below.fraction;
                format!("{part} + random {random} of 2^{bits}: {away}")
            }
        };
        format!("{bits}; {why}")
    }
}

impl Operation {
    /// Whether the result is rounded.
    fn rounds(self) -> bool {
        use Operation::{Add, Convert, Divide, Fma, FromInteger, Multiply};
        use Operation::{Remainder, RoundToIntegral, SquareRoot, Subtract, ToInteger};
        matches!(
            self,
            Add | Subtract
                | Multiply
                | Divide
                | SquareRoot
                | Fma
                | Remainder
                | RoundToIntegral
                | Convert
                | ToInteger(_)
                | FromInteger
        )
    }

    /// Whether the result is a code of the format.
    fn gives_a_code(self) -> bool {
        !matches!(self, Operation::Compare | Operation::ToInteger(_))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Operation::Add => "a + b",
            Operation::Subtract => "a - b",
            Operation::Multiply => "a x b",
            Operation::Divide => "a / b",
            Operation::SquareRoot => "square root of a",
            Operation::Fma => "a x b + c",
            Operation::Remainder => "remainder of a by b",
            Operation::RoundToIntegral => "a to an integer",
            Operation::Convert => "a converted",
            Operation::ToInteger(Integer { bits, signed }) => {
                return write!(f, "a to {}{bits}", if *signed { 'i' } else { 'u' });
            }
            Operation::FromInteger => "an integer",
            Operation::Compare => "a compared with b",
            Operation::Minimum => "minimum of a and b",
            Operation::Maximum => "maximum of a and b",
            Operation::MinimumNumber => "minimum number of a and b",
            Operation::MaximumNumber => "maximum number of a and b",
            Operation::MinimumMagnitude => "minimum magnitude of a and b",
            Operation::MaximumMagnitude => "maximum magnitude of a and b",
            Operation::MinimumMagnitudeNumber => "minimum magnitude number of a and b",
            Operation::MaximumMagnitudeNumber => "maximum magnitude number of a and b",
        })
    }
}
