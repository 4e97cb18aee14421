//! Comparisons, minima and maxima in steps: they round nothing, but a rule decides.

use super::record::Recorder;
use super::{Operation, Rule, Step, Trace};
use crate::{Context, Format, Rounded, Value};
use core::cmp::Ordering;

macro_rules! choices {
    ($($operation:ident, $untraced:ident, $name:ident;)*) => {
        impl Format {
            $(
                #[doc = concat!("[`Format::", stringify!($untraced), "`], told in steps.")]
                pub fn $name(&self, a: u64, b: u64) -> Trace {
                    choice(Operation::$operation, self, [a, b], self.$untraced(a, b))
                }
            )*
        }
    };
}

choices! {
    Minimum, minimum, minimum_traced;
    Maximum, maximum, maximum_traced;
    MinimumNumber, minimum_number, minimum_number_traced;
    MaximumNumber, maximum_number, maximum_number_traced;
    MinimumMagnitude, minimum_magnitude, minimum_magnitude_traced;
    MaximumMagnitude, maximum_magnitude, maximum_magnitude_traced;
    MinimumMagnitudeNumber, minimum_magnitude_number, minimum_magnitude_number_traced;
    MaximumMagnitudeNumber, maximum_magnitude_number, maximum_magnitude_number_traced;
}

impl Format {
    /// [`Format::compare_quiet`], told in steps. The result's code is that of a, b and their order:
    /// 0 less, 1 equal, 2 greater, 3 unordered.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Rule, Step};
    /// let trace = Format::E5M2.compare_traced(0x00, 0x80); // 0 and -0
    /// assert_eq!(trace.steps.last(), Some(&Step::Special(Rule::EqualZeros)));
    /// assert!(trace.to_string().contains("equal"));
    /// ```
    pub fn compare_traced(&self, a: u64, b: u64) -> Trace {
        let (x, y) = (self.decode(a), self.decode(b));
        let mut recorder = Recorder::new(self, &[a, b]);
        let comparison = self.compare_quiet(a, b);
        recorder.steps.push(match comparison.order {
            None => Step::Special(Rule::Unordered),
            Some(_) if is_zero(&x) && is_zero(&y) => Step::Special(Rule::EqualZeros),
            Some(order) => Step::Order { magnitudes: false, order },
        });
        let code = comparison.order.map_or(3, |order| (order as i8 + 1) as u64);
        let result = Rounded { code, flags: comparison.flags };
        recorder.finish(Operation::Compare, self, Context::NEAREST_EVEN, result)
    }
}

fn choice(operation: Operation, format: &Format, [a, b]: [u64; 2], result: Rounded) -> Trace {
    let (x, y) = (format.decode(a), format.decode(b));
    let mut recorder = Recorder::new(format, &[a, b]);
    if x.is_nan() || y.is_nan() {
        let passed_on = format.is_nan(result.code);
        let rule = if passed_on { Rule::NanOperand } else { Rule::NumberOverNan };
        recorder.steps.push(Step::Special(rule));
    } else {
        let equal = |order: &Ordering| order.is_eq();
        let sizes = format.compare(format.abs(a), format.abs(b));
        if let Some(order) = sizes.filter(|_| operation.looks_at_magnitudes()) {
            recorder.steps.push(Step::Order { magnitudes: true, order });
        }
        if !operation.looks_at_magnitudes() || sizes.is_some_and(|order| equal(&order)) {
            recorder.steps.push(match format.compare(a, b) {
                Some(order) if !is_zero(&x) || !is_zero(&y) => {
                    Step::Order { magnitudes: false, order }
                }
                _ => Step::Special(Rule::SmallerZero),
            });
        }
    }
    recorder.finish(operation, format, Context::NEAREST_EVEN, result)
}

fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Zero { .. })
}

impl Operation {
    fn looks_at_magnitudes(self) -> bool {
        matches!(
            self,
            Operation::MinimumMagnitude
                | Operation::MaximumMagnitude
                | Operation::MinimumMagnitudeNumber
                | Operation::MaximumMagnitudeNumber
        )
    }
}
