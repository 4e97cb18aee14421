//! Accuracy in ulps: `f64` against values computed to twice its precision (`reference.txt`, made
//! by `reference.py`), `f32` against `f64`.

use crate::Float;
use crate::simd::{Kernel, run};

/// (function, ulps allowed in `f64`, in `f32`), the figures of docs/numerics.md.
const ALLOWED: [(&str, f64, f64); 11] = [
    ("exp", 1.04, 1.04),
    ("log", 1.0, 1.0),
    ("tanh", 3.0, 2.0),
    ("sigmoid", 2.5, 2.5),
    ("erf", 2.0, 2.0),
    ("erfc", 4.0, 5.0),
    ("normal_cdf", 4.0, 5.0),
    ("sin", 2.0, 0.51),
    ("cos", 2.0, 0.51),
    ("log1p", 2.0, 0.51),
    ("expm1", 2.0, 0.51),
];

fn evaluate<T: Float>(name: &str, x: T) -> T {
    let mut x = [x];
    run(Evaluate { name, x: &mut x });
    x[0]
}

#[test]
fn f64_is_as_accurate_as_stated() {
    let bits = |text: &str| f64::from_bits(u64::from_str_radix(text, 16).unwrap());
    let mut worst = [(0.0f64, 0.0); ALLOWED.len()];
    for line in include_str!("reference.txt").lines() {
        let field: Vec<&str> = line.split(' ').collect();
        let (x, high, low) = (bits(field[1]), bits(field[2]), bits(field[3]));
        let error = ((evaluate(field[0], x) - high) - low).abs() / fpbits::ulp_f64(high);
        let index = ALLOWED.iter().position(|f| f.0 == field[0]).unwrap();
        if error.is_nan() || error > worst[index].0 {
            worst[index] = (error, x);
        }
    }
    for ((name, allowed, _), (error, x)) in ALLOWED.iter().zip(worst) {
        eprintln!("{name}: {error:.3} ulp at {x:e}");
        assert!(error <= *allowed && error > 0.0, "{name} is {error} ulp off at {x:e}");
    }
}

#[test]
fn powers_are_as_accurate_as_stated() {
    let bits = |text: &str| f64::from_bits(u64::from_str_radix(text, 16).unwrap());
    let mut worst = (0.0_f64, 0.0, 0.0);
    for line in include_str!("pow_reference.txt").lines() {
        let fields: Vec<f64> = line.split(' ').map(bits).collect();
        let &[x, y, high, low] = &fields[..] else { panic!("{line}") };
        let error = ((x.pow(y) - high) - low).abs() / fpbits::ulp_f64(high);
        assert!(low != 0.0 || error == 0.0, "{x:e} to the power {y} is {high:e}");
        if error.is_nan() || error > worst.0 {
            worst = (error, x, y);
        }
    }
    let (error, x, y) = worst;
    eprintln!("pow: {error:.3} ulp at {x:e} to the power {y}");
    assert!(error <= 0.7 && error > 0.0, "{error} ulp off at {x:e} to the power {y}");
}

#[test]
fn the_first_power_is_the_number_itself() {
    for x in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1, -3.7, 1.0 + f64::EPSILON] {
        assert_eq!(x.pow(1.0), x);
    }
}

/// A function of each element, as vector code.
struct Evaluate<'a, T> {
    name: &'a str,
    x: &'a mut [T],
}

impl<T: Float> Kernel for Evaluate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        macro_rules! each {
            ($f:expr) => {
                for x in self.x {
                    *x = $f(*x);
                }
            };
        }
        match self.name {
            "exp" => each!(T::exp),
            "log" => each!(T::log),
            "tanh" => each!(T::tanh),
            "sigmoid" => each!(T::sigmoid),
            "erf" => each!(T::erf),
            "erfc" => each!(T::erfc),
            "normal_cdf" => each!(|x: T| x.normal_cdf().0),
            "sin" => each!(|x: T| x.sin_cos().0),
            "cos" => each!(|x: T| x.sin_cos().1),
            "log1p" => each!(T::log1p),
            "expm1" => each!(T::expm1),
            name => unreachable!("{name}"),
        }
    }
}

/// The largest error in ulps over the given bit patterns, and where.
fn worst_f32(name: &str, patterns: impl Iterator<Item = u32>) -> (f64, f32) {
    let points: Vec<f32> = patterns.map(f32::from_bits).collect();
    let mut values = points.clone();
    run(Evaluate { name, x: &mut values });
    let mut exact: Vec<f64> = points.iter().map(|&x| x.into()).collect();
    run(Evaluate { name, x: &mut exact });
    let mut worst = (0.0, 0.0);
    for ((x, got), exact) in points.into_iter().zip(values).zip(exact) {
        if name == "sin" || name == "cos" {
            if x.is_nan() || x.abs() > (1 << 20) as f32 {
                continue;
            }
        } else if name == "log" && x <= 0.0 {
            continue;
        }
        let nearest = exact as f32;
        if nearest.is_nan() || nearest.is_infinite() {
            assert!(
                got.to_bits() == nearest.to_bits() || got.is_nan() && nearest.is_nan(),
                "{x:e}"
            );
            continue;
        }
        // In the binade above the largest finite number infinity is one ulp away.
        let got = if got.is_infinite() { 2f64.powi(128).copysign(got.into()) } else { got.into() };
        let error = (got - exact).abs() / f64::from(fpbits::ulp_f32(nearest));
        if error.is_nan() || error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

#[test]
fn f32_is_as_accurate_as_stated_on_a_sample() {
    for (name, _, allowed) in ALLOWED {
        let (error, x) = worst_f32(name, (0..=u32::MAX).step_by(9973));
        eprintln!("{name}: {error:.3} ulp at {x:e}");
        assert!(error <= allowed, "{name} is {error} ulp off at {x:e}");
    }
}

/// All 2^32 inputs of each function: minutes in a release build. Run with `--release -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn f32_is_as_accurate_as_stated_everywhere() {
    use rayon::prelude::*;
    for (name, _, allowed) in ALLOWED {
        let (error, x) = (0..1u32 << 16)
            .into_par_iter()
            .map(|part| worst_f32(name, part << 16..=(part << 16 | 0xFFFF)))
            .reduce(|| (0.0, 0.0), |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a });
        eprintln!("{name}: {error:.3} ulp at {x:e}");
        assert!(error <= allowed, "{name} is {error} ulp off at {x:e}");
    }
}

#[test]
fn the_limits_are_right() {
    fn check<T: Float>() {
        let (inf, nan) = (T::INFINITY, T::NAN);
        let same = |got: T, expected: T| {
            assert!(got == expected || got.is_nan() && expected.is_nan(), "{got} {expected}");
        };
        for name in ["exp", "log", "tanh", "sigmoid", "erf", "erfc", "normal_cdf", "log1p", "expm1"]
        {
            same(evaluate(name, nan), nan);
        }
        same(inf.exp(), inf);
        same((-inf).exp(), T::ZERO);
        same(T::ZERO.exp(), T::ONE);
        same(inf.log(), inf);
        same(T::ZERO.log(), -inf);
        same((-T::ONE).log(), nan);
        same(T::ONE.log(), T::ZERO);
        same(inf.log1p(), inf);
        same((-T::ONE).log1p(), -inf);
        same((-inf).log1p(), nan);
        same(T::ONE / (-T::ZERO).log1p(), -inf);
        same(inf.expm1(), inf);
        same((-inf).expm1(), -T::ONE);
        same(T::ONE / (-T::ZERO).expm1(), -inf);
        same(inf.tanh(), T::ONE);
        same((-inf).tanh(), -T::ONE);
        same(T::ONE / (-T::ZERO).tanh(), -inf);
        same(inf.sigmoid(), T::ONE);
        same((-inf).sigmoid(), T::ZERO);
        same(inf.erf(), T::ONE);
        same((-inf).erf(), -T::ONE);
        same(T::ONE / (-T::ZERO).erf(), -inf);
        same(inf.erfc(), T::ZERO);
        same((-inf).erfc(), T::ONE + T::ONE);
        same(inf.normal_cdf().0, T::ONE);
        same((-inf).normal_cdf().0, T::ZERO);
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn powers_follow_their_definition() {
    for y in [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 7.0] {
        for x in [-3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 1.5, 10.0] {
            let (got, expected): (f64, f64) = (Float::pow(x, y), x.powf(y));
            // See `pow::f64`; the platform's own may be one ulp off.
            let bound =
                if expected == 0.0 || x == 0.0 { 0.0 } else { 3.0 + (y * x.abs().ln()).abs() };
            let error = (got - expected).abs() / fpbits::ulp_f64(expected);
            assert!(
                got == expected || got.is_nan() && expected.is_nan() || error <= bound,
                "{x}^{y}: {got} {expected}"
            );
        }
    }
}
