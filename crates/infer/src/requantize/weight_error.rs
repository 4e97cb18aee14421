//! How far stored weights are from those they stand for.

/// The error of a tensor.
///
/// # Examples
///
/// ```
/// use ulp_infer::WeightError;
///
/// let error = WeightError::of(&[1.0, -2.0], &[1.0, -1.9]);
/// assert!((error.relative - 0.1 / 5.0f64.sqrt()).abs() < 1e-7);
/// assert!((error.decibels - 26.99).abs() < 0.01);
/// // f16 has steps of 2^-9 between 1 and 2, and the first number is exact.
/// assert!((error.ulps - 0.5 * 0.1 * 512.0).abs() < 1e-3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightError {
    /// ‖y - x‖ / ‖x‖
    pub relative: f64,
    /// The signal-to-noise ratio, -20 log10 of `relative`; infinite without an error.
    pub decibels: f64,
    /// The mean of |y - x| in ulps of f16 at x.
    pub ulps: f64,
    /// The largest.
    pub largest_ulps: f64,
}

impl WeightError {
    /// The error of `stored` where `reference` is meant.
    ///
    /// # Panics
    ///
    /// When they differ in length.
    #[track_caller]
    pub fn of(reference: &[f32], stored: &[f32]) -> Self {
        assert_eq!(reference.len(), stored.len(), "two tensors of the same shape");
        let (mut difference, mut size, mut ulps, mut largest) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
        for (&x, &y) in reference.iter().zip(stored) {
            let error = f64::from(y) - f64::from(x);
            difference += error * error;
            size += f64::from(x).powi(2);
            let in_ulps = error.abs() / f16_ulp(x);
            ulps += in_ulps;
            largest = largest.max(in_ulps);
        }
        let relative = if size > 0.0 { (difference / size).sqrt() } else { 0.0 };
        WeightError {
            relative,
            decibels: -20.0 * relative.log10(),
            ulps: ulps / reference.len().max(1) as f64,
            largest_ulps: largest,
        }
    }
}

/// The distance of neighbouring f16 where `x` lies: 2^-24 for the smallest, 2^(e - 10) above.
fn f16_ulp(x: f32) -> f64 {
    let exponent = (x.to_bits() >> 23 & 255) as i32 - 127;
    2.0f64.powi(exponent.clamp(-14, 15) - 10)
}
