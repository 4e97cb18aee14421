//! The middle of some measurements.

/// The middle one; of an even number the upper of the two.
///
/// # Panics
///
/// When there are none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
