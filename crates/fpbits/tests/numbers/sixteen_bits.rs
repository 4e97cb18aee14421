//! binary16 and bfloat16: unary operations and conversions on all codes in every rounding, binary
//! operations where formats have their edges, against the model and the standard library.

use crate::model::{Datum, Model, ModelResult, integral};
use fpbits::*;

const FORMATS: [Format; 2] = [Format::BINARY16, Format::BFLOAT16];

fn stride() -> usize {
    if cfg!(feature = "exhaustive") { 1 } else { 13 }
}

/// All directions, and two of the draws of a stochastic one with three bits.
const ROUNDINGS: [Rounding; 8] = {
    let [a, b, c, d, e, f] = Rounding::DETERMINISTIC;
    let up = Rounding::Stochastic { bits: 3, random: 4 };
    [a, b, c, d, e, f, Rounding::Stochastic { bits: 3, random: 3 }, up]
};

fn context(rounding: Rounding) -> Context {
    Context { rounding, tininess: Tininess::BeforeRounding }
}

fn check(format: &Format, got: Rounded, expected: ModelResult, what: &str) {
    let (code, flags) = match expected {
        ModelResult::Code(code, flags) => (code, flags),
        ModelResult::Nan(flags) if format.is_nan(got.code) => (got.code, flags),
        ModelResult::Nan(flags) => panic!("{what}: {got:x?}, not NaN ({flags})"),
    };
    assert_eq!((got.code, got.flags), (code, flags), "{what}");
}

#[test]
fn roots() {
    for f in FORMATS {
        let model = Model::new(f);
        for a in (0..1 << 16).step_by(stride()) {
            let outcome = model.square_root(model.datum(a));
            let expected = model.finish(&outcome, &ROUNDINGS, Tininess::BeforeRounding);
            for (rounding, expected) in ROUNDINGS.into_iter().zip(expected) {
                let got = f.square_root(a, context(rounding));
                check(&f, got, expected, &format!("root {a:#x} {f} {rounding}"));
            }
        }
    }
}

#[test]
fn conversions_to_every_format_of_at_most_16_bits() {
    let targets = Format::NAMED.iter().chain(&Format::P3109_8BIT);
    for (_, to) in targets.filter(|(_, f)| f.width() <= 16) {
        for from in FORMATS {
            let target = Model::in_units(*to, from.quantum_exponent());
            let source = Model::new(from);
            for a in (0..1 << 16).step_by(stride() * stride()) {
                let outcome = target.converted(source.datum(a));
                let expected = target.finish(&outcome, &ROUNDINGS, Tininess::BeforeRounding);
                for (rounding, expected) in ROUNDINGS.into_iter().zip(expected) {
                    let got = to.encode_with(&from.decode(a), context(rounding));
                    check(to, got, expected, &format!("{from} {a:#x} to {to} {rounding}"));
                }
            }
        }
    }
}

#[test]
fn conversions_to_wider_formats_are_exact() {
    for f in FORMATS {
        for a in 0..1 << 16 {
            for wide in [Format::BINARY32, Format::BINARY64] {
                for rounding in ROUNDINGS {
                    let there = wide.encode_with(&f.decode(a), context(rounding));
                    let signalling = f.decode(a).is_signalling();
                    let invalid = if signalling { Flags::INVALID } else { Flags::NONE };
                    assert_eq!(there.flags, invalid, "{f} {a:#x}");
                    let back = wide.convert(there.code, &f);
                    assert!(back == a || f.is_nan(a) && f.is_nan(back), "{f} {a:#x}");
                }
            }
        }
    }
}

#[test]
fn integers() {
    for f in FORMATS {
        for a in (0..1 << 16).step_by(stride()) {
            for rounding in ROUNDINGS {
                check_integers(&f, a, rounding);
            }
        }
    }
}

fn check_integers(f: &Format, a: u64, rounding: Rounding) {
    let in_format = f.round_to_integral(a, context(rounding));
    let (integer, flags) = match f.decode(a) {
        Value::Finite(Number { negative, significand, exponent }) => {
            let (magnitude, inexact) = integral(negative, significand, exponent, rounding);
            // The largest bfloat16 has 128 bits.
            let flags = if inexact { Flags::INEXACT } else { Flags::NONE };
            let exact = Unrounded { negative, significand: magnitude, exponent: 0, sticky: false };
            let expected = Rounded { code: f.round(&exact), flags };
            assert_eq!(in_format, expected, "{f} {a:#x} {rounding}");
            let magnitude = i128::try_from(magnitude).unwrap_or(i128::MAX);
            (Some(if negative { -magnitude } else { magnitude }), flags)
        }
        Value::Zero { .. } => {
            assert_eq!(in_format, Rounded { code: a, flags: Flags::NONE });
            (Some(0), Flags::NONE)
        }
        Value::Infinite { .. } => {
            assert_eq!(in_format, Rounded { code: a, flags: Flags::NONE });
            (None, Flags::NONE)
        }
        nan @ Value::Nan { .. } => {
            assert!(f.is_nan(in_format.code));
            assert_eq!(in_format.flags.contains(Flags::INVALID), nan.is_signalling());
            (None, Flags::NONE)
        }
    };
    for of in [Integer::I8, Integer::U8, Integer::I32, Integer::U32, Integer::I64, Integer::U64] {
        let expected = match integer.filter(|integer| of.range().contains(integer)) {
            Some(integer) => ToInteger { value: Some(integer), flags },
            None => ToInteger { value: None, flags: Flags::INVALID },
        };
        assert_eq!(f.to_integer(a, of, context(rounding)), expected, "{f} {a:#x} {rounding}");
    }
}

/// Every integer of 17 bits, against the model.
#[test]
fn from_integers() {
    for f in FORMATS {
        let model = Model::in_units(f, 0);
        for integer in (1u64..1 << 17).step_by(stride()) {
            for negative in [false, true] {
                let number = Datum::Number { negative, significand: integer, exponent: 0 };
                let outcome = model.converted(number);
                let expected = model.finish(&outcome, &ROUNDINGS, Tininess::BeforeRounding);
                for (rounding, expected) in ROUNDINGS.into_iter().zip(expected) {
                    let integer = i128::from(integer) * if negative { -1 } else { 1 };
                    let got = f.from_integer(integer, context(rounding));
                    check(&f, got, expected, &format!("{integer} to {f} {rounding}"));
                }
            }
        }
    }
}

/// The codes at which something changes: zeros, both ends of the subnormal and of the normal range,
/// around one, powers of two, odd and even neighbours, infinities, NaNs.
fn edges(f: &Format) -> Vec<u64> {
    let one = f.parse("1").unwrap();
    let middles = [f.min_normal(), one, f.parse("3").unwrap(), f.max_finite()];
    let mut codes: Vec<u64> =
        middles.iter().flat_map(|&m| (0..5).map(move |i| m + i - 2)).collect();
    codes.extend([0, 1, 2, 3, f.min_normal() / 2, one + f.min_normal() / 2, f.nan().unwrap()]);
    codes.extend((0..40u64).map(|i| i * 0x9e37_79b9 % 0x8000));
    let sign = 0x8000;
    codes.iter().flat_map(|&c| [c, c | sign]).collect()
}

#[test]
fn binary_operations_at_the_edges() {
    let roundings = Rounding::DETERMINISTIC;
    type Operation = fn(&Format, u64, u64, Context) -> Rounded;
    for f in FORMATS {
        let model = Model::new(f);
        let edges: Vec<u64> =
            edges(&f).into_iter().step_by(if stride() == 1 { 1 } else { 3 }).collect();
        for &a in &edges {
            for &b in &edges {
                let (x, y) = (model.datum(a), model.datum(b));
                let operations: [(&str, Operation, _); 5] = [
                    ("add", |f, a, b, c| f.add(a, b, c), model.add(x, y)),
                    ("subtract", |f, a, b, c| f.subtract(a, b, c), model.add(x, y.negated())),
                    ("multiply", |f, a, b, c| f.multiply(a, b, c), model.multiply(x, y)),
                    ("divide", |f, a, b, c| f.divide(a, b, c), model.divide(x, y)),
                    ("remainder", |f, a, b, c| f.remainder(a, b, c), model.remainder(x, y)),
                ];
                for (name, operation, outcome) in operations {
                    for tininess in [Tininess::AfterRounding, Tininess::BeforeRounding] {
                        let expected = model.finish(&outcome, &roundings, tininess);
                        for (rounding, expected) in roundings.into_iter().zip(expected) {
                            let got = operation(&f, a, b, Context { rounding, tininess });
                            let what = format!("{name} {a:#x} {b:#x} {f} {rounding} {tininess:?}");
                            check(&f, got, expected, &what);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn fused_at_the_edges() {
    let roundings = Rounding::DETERMINISTIC;
    for f in FORMATS {
        let model = Model::new(f);
        let edges: Vec<u64> =
            edges(&f).into_iter().step_by(if stride() == 1 { 1 } else { 5 }).collect();
        for &a in &edges {
            for &b in &edges {
                for &c in &edges {
                    let outcome = model.fma(model.datum(a), model.datum(b), model.datum(c));
                    let expected = model.finish(&outcome, &roundings, Tininess::BeforeRounding);
                    for (rounding, expected) in roundings.into_iter().zip(expected) {
                        let got = f.fma(a, b, c, context(rounding));
                        check(
                            &f,
                            got,
                            expected,
                            &format!("fma {a:#x} {b:#x} {c:#x} {f} {rounding}"),
                        );
                    }
                }
            }
        }
    }
}

/// Every tie between two neighbours as binary64, and the binary64 just below and above it, in every
/// rounding.
#[test]
fn from_f64_at_every_tie() {
    for f in FORMATS {
        // Just below and above: 52 bits below the leading one.
        let model = Model::in_units(f, f.quantum_exponent() - 53);
        let codes: Vec<u64> = f.finite_values().collect();
        for pair in codes.windows(2).step_by(stride()) {
            let value = |code| f64::from_bits(f.convert(code, &Format::BINARY64));
            let middle = value(pair[0]).midpoint(value(pair[1]));
            for x in [middle.next_down(), middle, middle.next_up()] {
                let Value::Finite(number) = Value::of_f64(x) else { continue };
                let datum = Datum::Number {
                    negative: number.negative,
                    significand: number.significand,
                    exponent: number.exponent,
                };
                let outcome = model.converted(datum);
                let expected = model.finish(&outcome, &ROUNDINGS, Tininess::BeforeRounding);
                for (rounding, expected) in ROUNDINGS.into_iter().zip(expected) {
                    let got = f.encode_with(&Value::of_f64(x), context(rounding));
                    check(&f, got, expected, &format!("{x:e} to {f} {rounding}"));
                }
            }
        }
    }
}
