//! x^y = e^(y log x), and the sign that an odd y gives a negative x.

use super::{exp, log};

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32, y: f32) -> f32 {
    f64(f64::from(x), f64::from(y)) as f32
}

/// At most 2 + |y log x| ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64, y: f64) -> f64 {
    let magnitude = exp::f64(y * log::f64(x.abs()));
    let integer = y == y.floor();
    let odd = integer && (0.5 * y) != (0.5 * y).floor();
    let signed = if odd { magnitude.copysign(x) } else { magnitude };
    // The power of -∞ is infinite or 0 whatever y is; that of -1 is 1 for the even number ±∞.
    let general = if x < 0.0 && x != f64::NEG_INFINITY && !integer { f64::NAN } else { signed };
    let is_one = y == 0.0 || x == 1.0 || (x == -1.0 && y.abs() == f64::INFINITY);
    if is_one { 1.0 } else { general }
}

#[cfg(test)]
mod tests {
    /// IEEE 754-2019, § 9.2.1, as the C library has it, at every pair of special numbers.
    #[test]
    fn special_powers_are_ieees() {
        let (inf, tiny) = (f64::INFINITY, f64::MIN_POSITIVE);
        let positive = [0.0, tiny, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 1e17, f64::MAX, inf];
        let all: Vec<f64> =
            positive.iter().flat_map(|&x| [x, -x]).chain([f64::NAN, -f64::NAN]).collect();
        for &x in &all {
            for &y in &all {
                let (power, expected) = (super::f64(x, y), x.powf(y));
                let alike = match expected {
                    e if e.is_nan() => power.is_nan(),
                    e if e == 0.0 || e.is_infinite() => power.to_bits() == e.to_bits(),
                    e => (power / e - 1.0).abs() < 1e-12,
                };
                assert!(alike, "{x} to the power {y}: {power}, expected {expected}");
            }
        }
    }
}
