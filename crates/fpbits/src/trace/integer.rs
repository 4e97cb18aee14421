//! Conversions to and from integers in steps.

use super::record::Recorder;
use super::{Operation, Rule, Step, Trace};
use crate::{Context, Format, Integer, Rounded, Unrounded, Value};

impl Format {
    /// [`Format::to_integer`], told in steps. The result's code is the integer in two's complement,
    /// or 0 where there is none.
    ///
    /// # Panics
    /// If the type has no bits or more than 64.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format, Integer, Rule, Step};
    /// let f = Format::BINARY32;
    /// let trace = f.to_integer_traced(f.parse("127.5").unwrap(), Integer::I8, Context::NEAREST_EVEN);
    /// assert_eq!(trace.steps.last(), Some(&Step::Special(Rule::NoInteger))); // 128
    /// assert_eq!(trace.result.flags, Flags::INVALID);
    /// ```
    pub fn to_integer_traced(&self, a: u64, integer: Integer, context: Context) -> Trace {
        let result = self.to_integer(a, integer, context);
        let mut recorder = Recorder::new(self, &[a]);
        if let Value::Finite(number) = self.decode(a) {
            recorder.round_to_integer(number, context);
        }
        if result.value.is_none() {
            recorder.steps.push(Step::Special(Rule::NoInteger));
        }
        let code = result.value.unwrap_or(0) as u64 & u64::MAX >> (64 - integer.bits);
        let result = Rounded { code, flags: result.flags };
        recorder.finish(Operation::ToInteger(integer), self, context, result)
    }

    /// [`Format::from_integer`], told in steps.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Step};
    /// let f = Format::BINARY32;
    /// let trace = f.from_integer_traced(16_777_217, Context::NEAREST_EVEN); // 2^24 + 1
    /// let Some(Step::Round(round)) = trace.steps.last() else { panic!() };
    /// assert!(round.places.below.is_half() && !round.away);
    /// ```
    pub fn from_integer_traced(&self, value: i128, context: Context) -> Trace {
        let mut recorder = Recorder::new(self, &[]);
        recorder.steps.push(Step::Integer(value));
        match value {
            0 => recorder.steps.push(Step::Special(Rule::ZeroOperand)),
            _ => {
                let (negative, significand) = (value < 0, value.unsigned_abs());
                let exact = Unrounded { negative, significand, exponent: 0, sticky: false };
                recorder.round(&exact, None, context);
            }
        }
        let result = self.from_integer(value, context);
        recorder.finish(Operation::FromInteger, self, context, result)
    }
}

impl Trace {
    /// The integer of a conversion to one.
    pub(super) fn integer(&self, integer: Integer) -> i128 {
        match integer.signed {
            true => {
                i128::from((self.result.code as i64) << (64 - integer.bits) >> (64 - integer.bits))
            }
            false => self.result.code.into(),
        }
    }
}
