//! erfc x = e^(-x²) S(x) for x ≥ 0, where S(x) = G((x - K)/(x + K))/(1 + 2x); erfc -x = 2 - erfc x.
//!
//! The change of variable is Schonfelder's ("Chebyshev expansions for the error and related
//! functions", Mathematics of Computation 32, 1978): one polynomial serves all x.

use super::horner;

/// (1 + 2x) e^(x²) erfc(x) in (x - 2)/(x + 2), 0 ≤ x ≤ 10.5; off by 2^-26.0.
const G_F32: [f32; 10] = [
    1.2769784e+00,
    -9.2764e-02,
    -1.6603157e-01,
    1.6405566e-01,
    -5.420262e-02,
    -8.0608865e-03,
    8.625355e-03,
    1.3125673e-03,
    -1.2223395e-03,
    -3.9610468e-04,
];

/// The same in (x - 4)/(x + 4), 0 ≤ x ≤ 27.5; off by 2^-59.5.
const G_F64: [f64; 24] = [
    1.2329951186255526,
    -0.13962111684056253,
    0.01537965210261965,
    0.06809705425469541,
    -0.10103906603629932,
    0.09373283499825211,
    -0.06633036581232431,
    0.0371675155390658,
    -0.016197734056599977,
    0.0050319699638795195,
    -0.0007577732969158545,
    -0.00019925661881205377,
    0.00015062171604479803,
    -2.4399469668222775e-05,
    -1.1222173162416338e-05,
    5.710265588277118e-06,
    2.9417169162290225e-07,
    -8.260679424441555e-07,
    7.405197260949641e-08,
    1.1040897589249722e-07,
    -1.7399879177989165e-08,
    -1.4084549811923038e-08,
    1.6451284313144166e-09,
    1.188906635994096e-09,
];

/// Beyond these erfc is zero.
pub(super) const END_F32: f32 = 10.5;
pub(super) const END_F64: f64 = 27.5;

/// e^(x²) erfc(x) for 0 ≤ x ≤ the end.
#[inline(always)]
pub(super) fn scaled_f32(x: f32) -> f32 {
    horner((x - 2.0) / (x + 2.0), G_F32) / 2.0f32.mul_add(x, 1.0)
}

/// e^(x²) erfc(x) for 0 ≤ x ≤ the end.
#[inline(always)]
pub(super) fn scaled_f64(x: f64) -> f64 {
    horner((x - 4.0) / (x + 4.0), G_F64) / 2.0f64.mul_add(x, 1.0)
}

/// e^(-a b), where the rounding of the product, which the exponential would magnify, is made good.
#[inline(always)]
pub(super) fn exp_of_negative_product_f32(a: f32, b: f32) -> f32 {
    let product = a * b;
    let lost = a.mul_add(b, -product);
    let e = super::exp::f32(-product);
    (-e).mul_add(lost, e)
}

/// As [`exp_of_negative_product_f32`].
#[inline(always)]
pub(super) fn exp_of_negative_product_f64(a: f64, b: f64) -> f64 {
    let product = a * b;
    let lost = a.mul_add(b, -product);
    let e = super::exp::f64(-product);
    (-e).mul_add(lost, e)
}

/// erfc x for x ≥ 0.
#[inline(always)]
pub(super) fn positive_f32(x: f32) -> f32 {
    let x = if x > END_F32 { END_F32 } else { x };
    exp_of_negative_product_f32(x, x) * scaled_f32(x)
}

/// erfc x for x ≥ 0.
#[inline(always)]
pub(super) fn positive_f64(x: f64) -> f64 {
    let x = if x > END_F64 { END_F64 } else { x };
    exp_of_negative_product_f64(x, x) * scaled_f64(x)
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
