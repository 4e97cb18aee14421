//! erfc x = e^(-x²) S(x) for x ≥ 0, where S(x) = G((x - K)/(x + K))/(x + K); erfc -x = 2 - erfc x.
//!
//! The change of variable is Schonfelder's ("Chebyshev expansions for the error and related
//! functions", Mathematics of Computation 32, 1978): one polynomial serves all x, and one division.

use super::horner;

/// (x + K) e^(x²) erfc(x) in (x - K)/(x + K), 0 ≤ x ≤ 10.5; off by 2^-28.4. With this K the whole is off least:
/// a larger one magnifies the argument's error at 0, a smaller one that of the sum far out.
const G_F32: [f32; 11] = [
    9.823489e-01,
    -5.600954e-01,
    1.2748659e-01,
    3.526507e-02,
    -1.7090384e-02,
    -7.110384e-03,
    1.8044286e-03,
    1.8544794e-03,
    1.5750896e-04,
    -3.233419e-04,
    -1.1666336e-04,
];
const K_F32: f32 = 1.625;

/// The same for 0 ≤ x ≤ 27.5; off by 2^-60.9.
const G_F64: [f64; 24] = [
    1.095995661000491,
    -0.976548729080882,
    0.7732087022652373,
    -0.540853831313235,
    0.33085158787799585,
    -0.17401093723993036,
    0.0763815149098168,
    -0.026370053340487507,
    0.006112055647919162,
    -0.00028095886363920224,
    -0.0004550526167635277,
    0.000176812809966576,
    -3.63552845237054e-06,
    -1.886088147125603e-05,
    4.695635825657924e-06,
    1.4242993682326358e-06,
    -8.489220352474766e-07,
    -7.600006160184641e-08,
    1.2799336858957798e-07,
    1.812617075800362e-09,
    -1.8577834384527795e-08,
    -8.343401216566896e-10,
    2.0960551750522605e-09,
    4.137192465676031e-10,
];
const K_F64: f64 = 4.0;

/// Beyond these erfc is zero.
pub(super) const END_F32: f32 = 10.5;
pub(super) const END_F64: f64 = 27.5;

/// `times` (a power of two) e^(x²) erfc(x) for x = `scale` y between 0 and the end. (x itself, rounded, would cost half
/// an ulp more.)
#[inline(always)]
pub(super) fn scaled_f32(times: f32, y: f32, scale: f32) -> f32 {
    let r = times / y.mul_add(scale, K_F32);
    r * horner(y.mul_add(scale / times, -K_F32 / times) * r, G_F32)
}

/// `times` (a power of two) e^(x²) erfc(x) for x = `scale` y between 0 and the end. (x itself, rounded, would cost half
/// an ulp more.)
#[inline(always)]
pub(super) fn scaled_f64(times: f64, y: f64, scale: f64) -> f64 {
    let r = times / y.mul_add(scale, K_F64);
    r * horner(y.mul_add(scale / times, -K_F64 / times) * r, G_F64)
}

/// e^(-a b) for 0 ≤ a b ≤ the square of the end, where the rounding of the product, which the exponential would
/// magnify, is made good. NaN may give anything.
#[inline(always)]
pub(super) fn exp_of_negative_product_f32(a: f32, b: f32) -> f32 {
    let product = a * b;
    let lost = a.mul_add(b, -product);
    super::exp::of_sum_f32(-product, -lost)
}

/// As [`exp_of_negative_product_f32`].
#[inline(always)]
pub(super) fn exp_of_negative_product_f64(a: f64, b: f64) -> f64 {
    let product = a * b;
    let lost = a.mul_add(b, -product);
    let e = super::exp::between_f64(-product);
    (-e).mul_add(lost, e)
}

/// erfc x for x ≥ 0.
#[inline(always)]
pub(super) fn positive_f32(x: f32) -> f32 {
    let x = if x > END_F32 { END_F32 } else { x };
    exp_of_negative_product_f32(x, x) * scaled_f32(1.0, x, 1.0)
}

/// erfc x for x ≥ 0.
#[inline(always)]
pub(super) fn positive_f64(x: f64) -> f64 {
    let x = if x > END_F64 { END_F64 } else { x };
    exp_of_negative_product_f64(x, x) * scaled_f64(1.0, x, 1.0)
}

/// At most 5 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    let y = positive_f32(x.abs());
    if x < 0.0 { 2.0 - y } else { y }
}

/// At most 4 ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let y = positive_f64(x.abs());
    if x < 0.0 { 2.0 - y } else { y }
}
