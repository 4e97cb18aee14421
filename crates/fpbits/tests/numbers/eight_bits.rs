//! Every format of at most 8 bits against the model: every operation on every code and every pair of
//! codes, every fused multiply-add of three, every conversion between two formats, in every rounding.
//! Sampled unless asked for all of it.

use crate::model::{Datum, Model, ModelResult, Outcome, Real, integral};
use fpbits::*;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::{self, AtomicUsize};

/// The named formats of at most 8 bits, P3109's, and variants of E4M3 that no name has.
fn formats() -> Vec<Format> {
    let named = Format::NAMED.iter().filter(|(_, f)| f.width() <= 8);
    let mut formats: Vec<Format> =
        named.chain(&Format::P3109_8BIT).map(|(_, format)| *format).collect();
    let e4m3 = *Format::E4M3.layout();
    for layout in [
        Layout { subnormals: false, ..e4m3 },
        Layout { negative_zero: false, ..e4m3 },
        Layout { zero: false, ..e4m3 },
        Layout { overflow: Overflow::Clamp, ..e4m3 },
        Layout { sign: false, ..*Format::E5M2.layout() },
    ] {
        formats.push(Format::new(layout).unwrap());
    }
    formats
}

/// All directions, and two of the draws of a stochastic one with three bits.
fn roundings() -> Vec<Rounding> {
    let mut roundings = Rounding::DETERMINISTIC.to_vec();
    roundings.extend([3, 4].map(|random| Rounding::Stochastic { bits: 3, random }));
    roundings
}

fn check(format: &Format, got: Rounded, expected: ModelResult, what: &dyn Fn() -> String) {
    match expected {
        ModelResult::Code(code, flags) => {
            assert_eq!((got.code, got.flags), (code, flags), "{}", what());
        }
        ModelResult::Nan(flags) => {
            assert!(format.is_nan(got.code) && got.flags == flags, "{}: {got:x?} {flags}", what());
        }
    }
}

/// The exceptions of stochastic rounding are those of its result; the model leaves tininess after
/// rounding out there.
fn tininess(rounding: Rounding) -> Tininess {
    match rounding {
        Rounding::Stochastic { .. } => Tininess::BeforeRounding,
        _ => Tininess::AfterRounding,
    }
}

fn check_pair(model: &Model, a: u64, b: u64, roundings: &[Rounding]) {
    let f = &model.format;
    let (x, y) = (model.datum(a), model.datum(b));
    type Operation = fn(&Format, u64, u64, Context) -> Rounded;
    let operations: [(&str, Operation, _); 5] = [
        ("add", |f, a, b, c| f.add(a, b, c), model.add(x, y)),
        ("subtract", |f, a, b, c| f.subtract(a, b, c), model.add(x, y.negated())),
        ("multiply", |f, a, b, c| f.multiply(a, b, c), model.multiply(x, y)),
        ("divide", |f, a, b, c| f.divide(a, b, c), model.divide(x, y)),
        ("remainder", |f, a, b, c| f.remainder(a, b, c), model.remainder(x, y)),
    ];
    for (name, operation, outcome) in operations {
        for both in [Tininess::AfterRounding, Tininess::BeforeRounding] {
            let modelled: Vec<Rounding> = roundings
                .iter()
                .copied()
                .filter(|&r| both == Tininess::BeforeRounding || tininess(r) == both)
                .collect();
            let expected = model.finish(&outcome, &modelled, both);
            for (&rounding, expected) in modelled.iter().zip(expected) {
                let context = Context { rounding, tininess: both };
                let got = operation(f, a, b, context);
                check(f, got, expected, &|| {
                    format!("{name} {a:#x} {b:#x} {f} {:?} {context:?}", f.layout())
                });
            }
        }
    }
    check_order(model, a, b);
}

/// Comparisons, minima and maxima, which round nothing.
fn check_order(model: &Model, a: u64, b: u64) {
    let f = &model.format;
    let (x, y) = (model.datum(a), model.datum(b));
    let order = model.compare_data(x, y);
    let signals = [x, y].iter().any(|datum| matches!(datum, Datum::Nan { signalling: true }));
    let invalid = |it: bool| if it { Flags::INVALID } else { Flags::NONE };
    assert_eq!(f.compare(a, b), order, "compare {a:#x} {b:#x} {f}");
    assert_eq!(f.compare_quiet(a, b), Comparison { order, flags: invalid(signals) });
    assert_eq!(f.compare_signalling(a, b), Comparison { order, flags: invalid(order.is_none()) });
    // Of two zeros the negative one is smaller.
    let by_value = order.map(|order| order.then(y.negative().cmp(&x.negative())));
    let sizes = model.compare_data(x.magnitude(), y.magnitude());
    let by_magnitude = by_value.and_then(|order| Some(sizes?.then(order)));
    type Choice = fn(&Format, u64, u64) -> Rounded;
    let choices: [(&str, Choice, Choice, Option<Ordering>, Ordering); 4] = [
        ("minimum", Format::minimum, Format::minimum_number, by_value, Ordering::Less),
        ("maximum", Format::maximum, Format::maximum_number, by_value, Ordering::Greater),
        (
            "smaller magnitude",
            Format::minimum_magnitude,
            Format::minimum_magnitude_number,
            by_magnitude,
            Ordering::Less,
        ),
        (
            "larger magnitude",
            Format::maximum_magnitude,
            Format::maximum_magnitude_number,
            by_magnitude,
            Ordering::Greater,
        ),
    ];
    for (name, propagating, number, order, first) in choices {
        let what = || format!("{name} {a:#x} {b:#x} {f}");
        let flags = invalid(signals);
        // Codes of the same zero are equal: the first.
        let chosen = order.map(|order| if order == first || order.is_eq() { a } else { b });
        let expected = match chosen {
            Some(code) => ModelResult::Code(code, flags),
            None => ModelResult::Nan(flags),
        };
        check(f, propagating(f, a, b), expected, &what);
        let expected = match (f.is_nan(a), f.is_nan(b)) {
            (true, false) => ModelResult::Code(b, flags),
            (false, true) => ModelResult::Code(a, flags),
            _ => expected,
        };
        check(f, number(f, a, b), expected, &what);
    }
}

/// Pairs of factors whose product is the same number: what is added to it gives the same.
fn products(model: &Model) -> Vec<Vec<(u64, u64)>> {
    let codes = 1u64 << model.format.width();
    let mut by_product: BTreeMap<_, Vec<(u64, u64)>> = BTreeMap::new();
    for (a, b) in (0..codes * codes).map(|pair| (pair / codes, pair % codes)) {
        let key = match model.multiply(model.datum(a), model.datum(b)) {
            Outcome::Real { negative, magnitude: Real::Whole(x) } => (Some((negative, x)), 0),
            _ => (None, a * codes + b),
        };
        by_product.entry(key).or_default().push((a, b));
    }
    by_product.into_values().collect()
}

/// A product of these factors and c.
fn check_triples(model: &Model, factors: &[(u64, u64)], c: u64, roundings: &[Rounding]) {
    let f = &model.format;
    let (a, b) = factors[0];
    let outcome = model.fma(model.datum(a), model.datum(b), model.datum(c));
    let expected = model.finish(&outcome, roundings, Tininess::BeforeRounding);
    for &(a, b) in factors {
        for (&rounding, &expected) in roundings.iter().zip(&expected) {
            let got = f.fma(a, b, c, before(rounding));
            check(f, got, expected, &|| format!("fma {a:#x} {b:#x} {c:#x} {f} {rounding}"));
        }
    }
}

fn before(rounding: Rounding) -> Context {
    Context { rounding, tininess: Tininess::BeforeRounding }
}

fn check_code(model: &Model, a: u64, roundings: &[Rounding]) {
    let f = &model.format;
    let outcome = model.square_root(model.datum(a));
    let expected = model.finish(&outcome, roundings, Tininess::BeforeRounding);
    for (&rounding, expected) in roundings.iter().zip(expected) {
        let context = before(rounding);
        check(f, f.square_root(a, context), expected, &|| format!("root {a:#x} {f} {rounding}"));
        check_integers(model, a, rounding);
    }
}

/// To an integer, in the format and out of it.
fn check_integers(model: &Model, a: u64, rounding: Rounding) {
    let f = &model.format;
    let context = before(rounding);
    let (integer, flags) = match model.datum(a) {
        Datum::Number { negative, significand, exponent } => {
            let (magnitude, inexact) = integral(negative, significand, exponent, rounding);
            let flags = if inexact { Flags::INEXACT } else { Flags::NONE };
            let outcome = match magnitude {
                0 => Outcome::Zero { negative },
                _ => Outcome::Real { negative, magnitude: Real::Whole(model.fixed(magnitude, 0)) },
            };
            let result = model.finish(&outcome, &[rounding], Tininess::BeforeRounding)[0];
            check(f, f.round_to_integral(a, context), result.with(flags), &|| {
                format!("{a:#x} to an integer {f} {rounding}")
            });
            let magnitude = i128::try_from(magnitude).unwrap_or(i128::MAX);
            (Some(if negative { -magnitude } else { magnitude }), flags)
        }
        Datum::Zero { .. } => (Some(0), Flags::NONE),
        _ => (None, Flags::NONE),
    };
    for of in [Integer { bits: 4, signed: true }, Integer::I8, Integer::U8, Integer::I64] {
        let expected = match integer.filter(|integer| of.range().contains(integer)) {
            Some(integer) => ToInteger { value: Some(integer), flags },
            None => ToInteger { value: None, flags: Flags::INVALID },
        };
        assert_eq!(f.to_integer(a, of, context), expected, "{a:#x} {f} {of:?} {rounding}");
    }
}

/// From every format of at most 8 bits to every other, and from integers.
fn conversions(stride: usize) {
    let (formats, roundings) = (formats(), roundings());
    for (i, to) in formats.iter().enumerate() {
        let model = Model::in_units(*to, 0);
        for integer in -600i128..=600 {
            let number = Datum::Number {
                negative: integer < 0,
                significand: integer.unsigned_abs() as u64,
                exponent: 0,
            };
            let datum = if integer == 0 { Datum::Zero { negative: false } } else { number };
            let outcome = model.converted(datum);
            let expected = model.finish(&outcome, &roundings, Tininess::BeforeRounding);
            for (&rounding, expected) in roundings.iter().zip(expected) {
                check(to, to.from_integer(integer, before(rounding)), expected, &|| {
                    format!("{integer} to {to} {rounding}")
                });
            }
        }
        for from in formats.iter().skip(i % stride).step_by(stride) {
            let (source, target) =
                (Model::new(*from), Model::in_units(*to, from.quantum_exponent()));
            for a in 0..1u64 << from.width() {
                let outcome = target.converted(source.datum(a));
                let expected = target.finish(&outcome, &roundings, Tininess::BeforeRounding);
                for (&rounding, expected) in roundings.iter().zip(expected) {
                    let got = to.encode_with(&from.decode(a), before(rounding));
                    check(to, got, expected, &|| format!("{from} {a:#x} to {to} {rounding}"));
                }
            }
        }
    }
}

/// Each format by itself, on as many threads as there are processors.
fn of_each_format(check: impl Fn(&Model, &[Rounding]) + Sync) {
    let (formats, roundings, next) = (formats(), roundings(), AtomicUsize::new(0));
    let work = || {
        while let Some(&format) = formats.get(next.fetch_add(1, atomic::Ordering::Relaxed)) {
            check(&Model::new(format), &roundings);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
}

fn pairs(stride: usize) {
    of_each_format(|model, roundings| {
        let codes = 1u64 << model.format.width();
        for pair in (0..codes * codes).step_by(stride) {
            check_pair(model, pair / codes, pair % codes, roundings);
        }
        for code in 0..codes {
            check_code(model, code, roundings);
        }
    });
}

/// Every triple; or some of the third operands, each with one pair of factors.
fn triples(stride: usize) {
    of_each_format(|model, roundings| {
        let codes = 1u64 << model.format.width();
        for (i, factors) in products(model).iter().enumerate() {
            let factors = if stride == 1 { factors } else { &factors[..1] };
            for c in (0..codes).skip(i % stride).step_by(stride) {
                check_triples(model, factors, c, roundings);
            }
        }
    });
}

#[test]
fn sampled_pairs() {
    pairs(101);
}

#[test]
fn sampled_conversions() {
    conversions(7);
}

#[test]
fn sampled_triples() {
    triples(509);
}

#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "minutes: run with --release -- --ignored")]
fn every_pair() {
    pairs(1);
}

#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "minutes: run with --release -- --ignored")]
fn every_conversion() {
    conversions(1);
}

#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "minutes: run with --release -- --ignored")]
fn every_triple() {
    triples(1);
}
