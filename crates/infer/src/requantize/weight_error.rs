//! How far stored weights are from those they stand for.

use rayon::prelude::*;

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
    /// ‖y - x‖ / ‖x‖; 0 where nothing differs, NaN where a number of x is not finite.
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
        let parts: Vec<Sums> = reference
            .par_chunks(PART)
            .zip(stored.par_chunks(PART))
            .map(|(x, y)| Sums::of(x, y))
            .collect();
        let Sums { difference, size, ulps, largest } =
            parts.into_iter().fold(Sums::default(), Sums::plus);
        // Nothing to differ from is no error; NaN, which equals nothing, stays one.
        let relative = if difference == 0.0 { 0.0 } else { (difference / size).sqrt() };
        WeightError {
            relative,
            decibels: -20.0 * relative.log10(),
            ulps: ulps / reference.len().max(1) as f64,
            largest_ulps: largest,
        }
    }
}

/// Numbers that are summed by one thread, so that sums do not depend on how many there are.
const PART: usize = 1 << 14;

/// What the errors are made of.
#[derive(Default)]
struct Sums {
    difference: f64,
    size: f64,
    ulps: f64,
    largest: f64,
}

impl Sums {
    fn of(reference: &[f32], stored: &[f32]) -> Self {
        let mut sums = Sums::default();
        for (&x, &y) in reference.iter().zip(stored) {
            let error = f64::from(y) - f64::from(x);
            let ulps = error.abs() / f16_ulp(x);
            let size = f64::from(x) * f64::from(x);
            sums = sums.plus(Sums { difference: error * error, size, ulps, largest: ulps });
        }
        sums
    }

    fn plus(self, other: Self) -> Self {
        Sums {
            difference: self.difference + other.difference,
            size: self.size + other.size,
            ulps: self.ulps + other.ulps,
            largest: larger(self.largest, other.largest),
        }
    }
}

/// The larger of two, or NaN if one is: `f64::max` would hide it.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The distance of neighbouring f16 where `x` lies: 2^-24 for the smallest, 2^(e - 10) above.
fn f16_ulp(x: f32) -> f64 {
    let exponent = (x.to_bits() >> 23 & 255) as i32 - 127;
    // A power of two by its exponent, whose bias is 1023.
    f64::from_bits(((exponent.clamp(-14, 15) - 10 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::{PART, WeightError, f16_ulp};

    #[test]
    fn errors_of_all_parts_count() {
        let reference = vec![1.0; 2 * PART + 5];
        let mut stored = reference.clone();
        (stored[3], stored[PART], stored[2 * PART + 4]) = (1.5, 2.0, 0.5);
        let error = WeightError::of(&reference, &stored);
        let n = reference.len() as f64;
        assert_eq!(error.relative, (1.5 / n).sqrt());
        assert_eq!(error.largest_ulps, 1024.0);
        assert_eq!(error.ulps, 2048.0 / n);
    }

    /// An error that is not a number is none of 0.
    #[test]
    fn what_is_not_finite_shows() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut numbers = vec![1.0; PART + 3];
            numbers[PART - 1] = bad;
            let error = WeightError::of(&numbers, &numbers);
            assert!(error.relative.is_nan() && error.largest_ulps.is_nan(), "{bad}: {error:?}");
        }
        assert_eq!(WeightError::of(&[1.0], &[f32::INFINITY]).relative, f64::INFINITY);
        assert_eq!(WeightError::of(&[0.0], &[1.0]).relative, f64::INFINITY);
        assert_eq!(WeightError::of(&[0.0], &[0.0]).relative, 0.0);
    }

    #[test]
    fn neighbours_of_f16() {
        let ulps = [(0.0, -24), (6e-5, -24), (1.0, -10), (-3.0, -9), (65504.0, 5), (1e30, 5)];
        for (x, exponent) in ulps {
            assert_eq!(f16_ulp(x), 2.0f64.powi(exponent), "{x}");
        }
    }
}
