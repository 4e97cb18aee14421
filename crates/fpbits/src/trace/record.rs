//! The steps of an operation, from the same exact results that the operation rounds.

use super::rule::rule;
use super::{Operation, Places, RoundStep, Step, Trace};
use crate::rounding::split;
use crate::{
    Context, Exact, ExactValue, Format, Number, Rounded, Rounding, Rule, Unrounded, Value,
};
use alloc::vec::Vec;

pub(super) fn binary(
    operation: Operation,
    format: &Format,
    [a, b]: [u64; 2],
    context: Context,
) -> Trace {
    let (x, y) = (format.decode(a), format.decode(b));
    let mut recorder = Recorder::new(format, &[a, b]);
    let result = match operation {
        Operation::Add => format.add(a, b, context),
        Operation::Subtract => format.subtract(a, b, context),
        Operation::Multiply => format.multiply(a, b, context),
        Operation::Divide => format.divide(a, b, context),
        _ => format.remainder(a, b, context),
    };
    match (rule(operation, &[x, y]), x, y) {
        (None, Value::Finite(m), Value::Finite(n)) => match operation {
            Operation::Add | Operation::Subtract => {
                let sign = operation == Operation::Subtract;
                let n = Number { negative: n.negative != sign, ..n };
                let operands = [('a', Unrounded::of(m)), ('b', Unrounded::of(n))];
                recorder.sum(operands, &Exact::sum(&x, &Value::Finite(n)), context);
            }
            Operation::Multiply => {
                let product = number(&Exact::product(&x, &y));
                recorder.steps.push(Step::Product(product));
                recorder.round(&product, None, context);
            }
            Operation::Divide => {
                let quotient = number(&Exact::quotient(&x, &y));
                recorder.steps.push(Step::Quotient(quotient));
                recorder.round(&quotient, None, context);
            }
            _ => {
                recorder.steps.push(Step::NearestMultiple(nearest_multiple(m, n)));
                let exact = Exact::remainder(&x, &y);
                if let ExactValue::Number(rest) = exact.value {
                    recorder.round(&rest, None, context);
                }
            }
        },
        (found, ..) => recorder.special(found),
    }
    recorder.finish(operation, format, context, result)
}

pub(super) fn unary(
    operation: Operation,
    from: &Format,
    a: u64,
    to: &Format,
    context: Context,
) -> Trace {
    let x = from.decode(a);
    let mut recorder = Recorder::new(from, &[a]);
    recorder.format = *to;
    let result = match operation {
        Operation::SquareRoot => to.square_root(a, context),
        Operation::RoundToIntegral => to.round_to_integral(a, context),
        _ => to.encode_with(&x, context),
    };
    match (rule(operation, &[x]), x) {
        (None, Value::Finite(m)) => match operation {
            Operation::SquareRoot => {
                let root = number(&Exact::square_root(&x));
                recorder.steps.push(Step::Root(root));
                recorder.round(&root, None, context);
            }
            Operation::RoundToIntegral => recorder.round_to_integer(m, context),
            _ => recorder.round(&Unrounded::of(m), Some(ulp_exponent(from, &m)), context),
        },
        (found, _) => recorder.special(found),
    }
    recorder.finish(operation, from, context, result)
}

pub(super) fn fma(format: &Format, codes: [u64; 3], context: Context) -> Trace {
    let [x, y, z] = codes.map(|code| format.decode(code));
    let mut recorder = Recorder::new(format, &codes);
    let result = format.fma(codes[0], codes[1], codes[2], context);
    match rule(Operation::Fma, &[x, y, z]) {
        None => {
            let product = number(&Exact::product(&x, &y));
            recorder.steps.push(Step::Product(product));
            match z {
                Value::Finite(c) => {
                    let operands = [('p', product), ('c', Unrounded::of(c))];
                    recorder.sum(operands, &Exact::fused(&x, &y, &z), context);
                }
                _ => recorder.round(&product, None, context),
            }
        }
        found => recorder.special(found),
    }
    recorder.finish(Operation::Fma, format, context, result)
}

/// The number that an exact result is, where the rules leave nothing else.
fn number(exact: &Exact) -> Unrounded {
    match exact.value {
        ExactValue::Number(number) => number,
        _ => unreachable!("finite operands other than zero give a number"),
    }
}

/// The exponent of the last place that the format has at a magnitude.
fn unit_at(format: &Format, leading: i64) -> i64 {
    leading.max(format.min_exponent().into()) - i64::from(format.layout().fraction_bits)
}

fn ulp_exponent(format: &Format, number: &Number) -> i64 {
    unit_at(format, number.leading_exponent().into())
}

fn leading(number: &Unrounded) -> i64 {
    i64::from(number.significand.ilog2()) + i64::from(number.exponent)
}

/// The integer nearest to |x / y|, ties to even.
fn nearest_multiple(x: Number, y: Number) -> Option<u128> {
    let shift = x.exponent - y.exponent;
    let (a, b) = (u128::from(x.significand), u128::from(y.significand));
    let (dividend, divisor) = match shift {
        0.. if a.ilog2() + shift.unsigned_abs() < 127 => (a << shift, b),
        0.. => return None,
        _ if b.ilog2() + shift.unsigned_abs() < 127 => (a, b << -shift),
        _ => return Some(0),
    };
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let up = 2 * rest > divisor || 2 * rest == divisor && quotient % 2 == 1;
    Some(quotient + u128::from(up))
}

pub(super) struct Recorder {
    format: Format,
    pub(super) steps: Vec<Step>,
}

impl Recorder {
    pub(super) fn new(format: &Format, codes: &[u64]) -> Recorder {
        let operand = |(name, &code)| Step::Operand { name, code, value: format.decode(code) };
        Recorder {
            format: *format,
            steps: ['a', 'b', 'c'].into_iter().zip(codes).map(operand).collect(),
        }
    }

    pub(super) fn finish(
        self,
        operation: Operation,
        from: &Format,
        context: Context,
        result: Rounded,
    ) -> Trace {
        Trace { operation, from: *from, format: self.format, context, steps: self.steps, result }
    }

    fn special(&mut self, rule: Option<Rule>) {
        self.steps.extend(rule.map(Step::Special));
    }

    fn places(&self, number: &Unrounded, unit: i64) -> Places {
        let shift = unit - i64::from(number.exponent);
        let (kept, below) = split(number.significand, shift, number.sticky, Rounding::NearestEven);
        Places { unit: unit as i32, fraction_bits: self.format.layout().fraction_bits, kept, below }
    }

    fn sum(&mut self, operands: [(char, Unrounded); 2], exact: &Exact, context: Context) {
        let [(_, x), (_, y)] = operands;
        let (large, (name, small)) = match leading(&x) >= leading(&y) {
            true => (x, operands[1]),
            false => (y, operands[0]),
        };
        let unit = unit_at(&self.format, leading(&large));
        let shift = unit - unit_at(&self.format, leading(&small));
        if shift > 0 {
            let places = self.places(&small, unit);
            self.steps.push(Step::Align { name, shift: shift as u32, places });
        }
        match exact.value {
            ExactValue::Number(sum) => {
                let subtracted = x.negative != y.negative;
                let places = self.places(&sum, unit);
                self.steps.push(Step::Sum { subtracted, places });
                self.round(&sum, Some(unit), context);
            }
            _ => self.steps.push(Step::Special(Rule::Cancellation)),
        }
    }

    /// The steps from an exact number, written in places of 2^unit, to the format.
    pub(super) fn round(&mut self, exact: &Unrounded, unit: Option<i64>, context: Context) {
        let first = i64::from(self.format.min_exponent());
        let layout = self.format.layout();
        if leading(exact) < first && !layout.zero && (layout.sign || !exact.negative) {
            return self.special(Some(Rule::BelowSmallest));
        }
        let decision = self.format.decide(exact, context);
        let shift = unit.map_or(0, |unit| i64::from(decision.unit) - unit);
        if shift != 0 {
            self.steps.push(Step::Normalize { shift: shift as i32, unit: decision.unit });
        }
        let places = Places {
            unit: decision.unit,
            fraction_bits: self.format.layout().fraction_bits,
            kept: decision.kept.into(),
            below: decision.discarded,
        };
        self.steps.push(Step::Round(RoundStep {
            places,
            negative: exact.negative,
            rounding: context.rounding,
            odd: decision.odd,
            away: decision.away,
        }));
    }

    pub(super) fn round_to_integer(&mut self, number: Number, context: Context) {
        if number.exponent >= 0 {
            return;
        }
        let shift = -i64::from(number.exponent);
        let (kept, below) = split(number.significand.into(), shift, false, context.rounding);
        let odd = kept % 2 == 1;
        self.steps.push(Step::Round(RoundStep {
            places: Places { unit: 0, fraction_bits: 0, kept, below },
            negative: number.negative,
            rounding: context.rounding,
            odd,
            away: below.away_from_zero(context.rounding, number.negative, odd),
        }));
    }
}
