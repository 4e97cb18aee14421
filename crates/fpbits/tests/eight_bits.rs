//! Every format of at most 8 bits against the model: every operation on every pair of codes, every
//! fused multiply-add of three, in every rounding. Sampled unless asked for all of it.

mod model;

use fpbits::*;
use model::{Model, ModelResult};

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
    assert_eq!(f.compare(a, b), model.compare_data(x, y), "compare {a:#x} {b:#x} {f}");
}

fn check_triple(model: &Model, [a, b, c]: [u64; 3], roundings: &[Rounding]) {
    let f = &model.format;
    let outcome = model.fma(model.datum(a), model.datum(b), model.datum(c));
    let expected = model.finish(&outcome, roundings, Tininess::BeforeRounding);
    for (&rounding, expected) in roundings.iter().zip(expected) {
        let context = Context { rounding, tininess: Tininess::BeforeRounding };
        let got = f.fma(a, b, c, context);
        check(f, got, expected, &|| format!("fma {a:#x} {b:#x} {c:#x} {f} {rounding}"));
    }
}

fn check_code(model: &Model, a: u64, roundings: &[Rounding]) {
    let f = &model.format;
    let outcome = model.square_root(model.datum(a));
    let expected = model.finish(&outcome, roundings, Tininess::BeforeRounding);
    for (&rounding, expected) in roundings.iter().zip(expected) {
        let context = Context { rounding, tininess: Tininess::BeforeRounding };
        check(f, f.square_root(a, context), expected, &|| format!("root {a:#x} {f} {rounding}"));
    }
}

fn pairs(stride: usize) {
    for format in formats() {
        let (model, roundings) = (Model::new(format), roundings());
        let codes = 1u64 << format.width();
        for pair in (0..codes * codes).step_by(stride) {
            check_pair(&model, pair / codes, pair % codes, &roundings);
        }
        for code in 0..codes {
            check_code(&model, code, &roundings);
        }
    }
}

fn triples(stride: usize) {
    for format in formats() {
        let (model, roundings) = (Model::new(format), roundings());
        let codes = 1u64 << format.width();
        for triple in (0..codes.pow(3)).step_by(stride) {
            let [a, b, c] = [triple / codes / codes, triple / codes % codes, triple % codes];
            check_triple(&model, [a, b, c], &roundings);
        }
    }
}

#[test]
fn sampled_pairs() {
    pairs(101);
}

#[test]
fn sampled_triples() {
    triples(10_007);
}

#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "minutes: run with --release -- --ignored")]
fn every_pair() {
    pairs(1);
}

#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "half an hour: run with --release -- --ignored")]
fn every_triple() {
    triples(1);
}
