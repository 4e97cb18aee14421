//! What decides a result without looking at digits.

use crate::Value;
use core::fmt;

use super::Operation;

/// Why an operation needed no digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A NaN is passed on.
    NanOperand,
    /// Infinities of opposite sign have no sum.
    InfinityMinusInfinity,
    /// Zero times infinity is not defined.
    ZeroTimesInfinity,
    /// Zero by zero is not defined.
    ZeroByZero,
    /// Infinity by infinity is not defined.
    InfinityByInfinity,
    /// A finite number by zero.
    DivisionByZero,
    /// A number below zero has no root.
    RootOfNegative,
    /// The remainder of infinity, or by zero.
    UndefinedRemainder,
    /// An infinite operand makes the result infinite, or zero as a divisor.
    InfiniteOperand,
    /// A zero operand: the result is zero, or another operand.
    ZeroOperand,
    /// The numbers cancel: the sign of the zero comes from the rounding direction.
    Cancellation,
    /// Nothing in a format without zero is smaller than its smallest number.
    BelowSmallest,
    /// One operand is NaN: the other one is taken.
    NumberOverNan,
    /// A NaN stands in no order to anything.
    Unordered,
    /// The two zeros are equal.
    EqualZeros,
    /// Of two zeros a negative one is the smaller.
    SmallerZero,
    /// The type has no such integer.
    NoInteger,
}

/// The rule for these operands, if one applies.
pub(super) fn rule(operation: Operation, values: &[Value]) -> Option<Rule> {
    let is_nan = |v: &Value| matches!(v, Value::Nan { .. });
    let is_zero = |v: &Value| matches!(v, Value::Zero { .. });
    let is_infinite = |v: &Value| matches!(v, Value::Infinite { .. });
    let times = |a, b| is_zero(a) && is_infinite(b) || is_infinite(a) && is_zero(b);
    if operation == Operation::Fma && times(&values[0], &values[1]) {
        return Some(Rule::ZeroTimesInfinity);
    }
    if values.iter().any(is_nan) {
        return Some(Rule::NanOperand);
    }
    let (a, b) = (&values[0], values.get(1).unwrap_or(&values[0]));
    let opposite = a.is_negative() != b.is_negative();
    match operation {
        Operation::Add if is_infinite(a) && is_infinite(b) && opposite => {
            return Some(Rule::InfinityMinusInfinity);
        }
        Operation::Subtract if is_infinite(a) && is_infinite(b) && !opposite => {
            return Some(Rule::InfinityMinusInfinity);
        }
        Operation::Fma if (is_infinite(a) || is_infinite(b)) && is_infinite(&values[2]) => {
            let minus = opposite != values[2].is_negative();
            return Some(if minus { Rule::InfinityMinusInfinity } else { Rule::InfiniteOperand });
        }
        Operation::Multiply if times(a, b) => return Some(Rule::ZeroTimesInfinity),
        Operation::Divide if is_zero(a) && is_zero(b) => return Some(Rule::ZeroByZero),
        Operation::Divide if is_infinite(a) && is_infinite(b) => {
            return Some(Rule::InfinityByInfinity);
        }
        Operation::Divide if is_zero(b) => return Some(Rule::DivisionByZero),
        Operation::SquareRoot if a.is_negative() && !is_zero(a) => {
            return Some(Rule::RootOfNegative);
        }
        Operation::Remainder if is_infinite(a) || is_zero(b) => {
            return Some(Rule::UndefinedRemainder);
        }
        _ => {}
    }
    if values.iter().any(is_infinite) {
        return Some(Rule::InfiniteOperand);
    }
    // The addend of a fused multiply-add may be zero: the product still has its digits.
    let factors = if operation == Operation::Fma { &values[..2] } else { values };
    factors.iter().any(is_zero).then_some(Rule::ZeroOperand)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::NanOperand => "an operand is not a number, and neither is the result",
            Rule::InfinityMinusInfinity => "infinities of opposite sign have no sum",
            Rule::ZeroTimesInfinity => "zero times infinity is not defined",
            Rule::ZeroByZero => "zero by zero is not defined",
            Rule::InfinityByInfinity => "infinity by infinity is not defined",
            Rule::DivisionByZero => "a finite number by zero",
            Rule::RootOfNegative => "a number below zero has no root",
            Rule::UndefinedRemainder => "no remainder is defined for infinity, or by zero",
            Rule::InfiniteOperand => "an operand is infinite",
            Rule::ZeroOperand => "an operand is zero",
            Rule::Cancellation => "the numbers cancel: exactly zero",
            Rule::BelowSmallest => "smaller than the smallest number, which it becomes",
            Rule::NumberOverNan => "one operand is not a number: the other one is taken",
            Rule::Unordered => "an operand is not a number: they stand in no order",
            Rule::EqualZeros => "zeros are equal, whatever their signs",
            Rule::SmallerZero => "of two zeros a negative one is the smaller",
            Rule::NoInteger => "the type has no such integer",
        })
    }
}
