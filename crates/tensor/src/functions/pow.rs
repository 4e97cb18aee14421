//! x^y = e^(y log x), and the sign that an odd y gives a negative x.

use fpbits::fast_two_sum;

use super::exp::{self, LN_2_F64};
use super::{horner, log};

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32, y: f32) -> f32 {
    let (x, y) = (f64::from(x), f64::from(y));
    signed(x, y, exp::f64(y * log::f64(x.abs()))) as f32
}

/// At most 0.7 ulp off. The exponential magnifies the error of its argument by the argument, so that both the
/// logarithm and its product with y are sums of two numbers.
#[inline(always)]
pub(crate) fn f64(x: f64, y: f64) -> f64 {
    let (log, log_low) = log_as_sum(x.abs());
    let (product, lost) = product(y, log);
    let low = lost + y * log_low;
    // Beyond these the power is infinite, or zero; of an infinite product nothing is lost.
    let low = if product.abs() < 800.0 { low } else { 0.0 };
    let product = if product > 710.0 { 710.0 } else { product };
    let product = if product < -746.0 { -746.0 } else { product };
    signed(x, y, exp::of_sum_f64(product, low))
}

/// R(z) = (log((1 + s)/(1 - s)) - 2s)/s³ = Σ 2/(2k + 3) zᵏ, z = s² ≤ 0.0295: the first term as a sum of two numbers,
/// and the next eleven. s³ times what is left out is 2^-70 of the logarithm.
const R_0: (f64, f64) = (2.0 / 3.0, 3.700_743_415_417_188e-17);
const R: [f64; 11] = {
    let mut r = [0.0; 11];
    let mut k = 0;
    while k < r.len() {
        r[k] = 2.0 / (2 * k + 5) as f64;
        k += 1;
    }
    r
};

/// log x as a sum of two numbers, off by 2^-64 of it: the formula of [`log::f64`] with what each of its larger
/// terms loses (Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik
/// 18, 1971).
#[inline(always)]
fn log_as_sum(x: f64) -> (f64, f64) {
    let (e, f) = log::reduced_f64(x);
    // s = f/(2 + f)
    let (divisor, divisor_low) = fast_two_sum(2.0, f);
    let s = f / divisor;
    let s_low = (-s).mul_add(divisor_low, (-s).mul_add(divisor, f)) / divisor;
    // s², s³ and R, whose first term is nearly all of it.
    let (z, z_low) = product(s, s);
    let z_low = (s + s).mul_add(s_low, z_low);
    let (cube, cube_low) = product(s, z);
    let cube_low = s.mul_add(z_low, s_low.mul_add(z, cube_low));
    let (r, r_low) = fast_two_sum(R_0.0, z * horner(z, R));
    let r_low = r_low + R_0.1;
    // log m = 2s + s³R
    let (term, term_low) = product(cube, r);
    let term_low = cube.mul_add(r_low, cube_low.mul_add(r, term_low));
    let (log_m, log_m_low) = fast_two_sum(s + s, term);
    let log_m_low = log_m_low + (s_low + s_low + term_low);
    let (powers, powers_low) = product(e, LN_2_F64.0);
    let powers_low = e.mul_add(LN_2_F64.1, powers_low);
    let (high, low) = fast_two_sum(powers, log_m);
    let (log, log_low) = fast_two_sum(high, low + (powers_low + log_m_low));
    (log::with_limits_f64(x, log), log_low)
}

/// a b and what its rounding loses, by a fused multiply-add ([`fpbits::two_product`] takes 17 operations to do without).
#[inline(always)]
fn product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// x^y, where |x|^y is `magnitude` but for the limits.
#[inline(always)]
fn signed(x: f64, y: f64, magnitude: f64) -> f64 {
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
