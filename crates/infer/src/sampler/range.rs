//! The ranges of parameters.

use std::ops::RangeInclusive;

use crate::error::InferError;

/// Checks a parameter against its range, which `expected` says in words. NaN is in none.
pub(super) fn check_range(
    parameter: &'static str,
    value: f32,
    range: RangeInclusive<f32>,
    expected: &'static str,
) -> Result<(), InferError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(InferError::InvalidSampling { parameter, value: value.into(), expected })
}
