//! Text to codes and back, in every kind of format.

use fpbits::*;
use proptest::prelude::*;
use std::path::PathBuf;
use std::process::Command;

const B64: Format = Format::BINARY64;

#[test]
fn exact_expansions() {
    let exact = |x: f64| B64.to_decimal(x.to_bits()).unwrap().to_string();
    assert_eq!(exact(0.1), "0.1000000000000000055511151231257827021181583404541015625");
    assert_eq!(exact(-1.5), "-1.5");
    assert_eq!(exact(-0.0), "-0");
    assert_eq!(exact(1e23), "99999999999999991611392");
    assert_eq!(exact(f64::MAX).len(), 309);
    let smallest = exact(f64::from_bits(1));
    assert_eq!(smallest.len(), 1076);
    assert!(smallest.ends_with("625") && smallest.starts_with("0.000"));
    assert_eq!(format!("{:e}", B64.to_decimal(0.5f64.to_bits()).unwrap()), "5e-1");
    assert!(B64.to_decimal(f64::INFINITY.to_bits()).is_none());
}

/// The standard library prints the exact expansion when asked for enough digits.
#[test]
fn expansions_agree_with_the_standard_library() {
    let mut bits = 0u64;
    for _ in 0..2_000 {
        let x = f64::from_bits(bits);
        if let Some(decimal) = B64.to_decimal(bits) {
            let std = format!("{x:.1074}");
            assert_eq!(decimal.to_string(), std.trim_end_matches('0').trim_end_matches('.'));
        }
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
}

#[test]
fn differences_are_exact() {
    let difference =
        |a: &str, b: &str| a.parse::<Decimal>().unwrap().subtract(&b.parse().unwrap()).to_string();
    assert_eq!(difference("1", "0.999"), "0.001");
    assert_eq!(difference("0.1", "0.1000"), "0");
    assert_eq!(difference("-1e20", "1"), "-100000000000000000001");
    assert_eq!(difference("1", "-1"), "2");
    assert_eq!(difference("3", "5"), "-2");
    assert_eq!(difference("18446744073709551615", "-1"), "18446744073709551616");
}

#[test]
fn refused_texts_say_where() {
    for (text, offset) in [
        ("", 0),
        ("-", 1),
        (".", 0),
        ("1e", 2),
        ("1e+", 3),
        ("1.2.3", 3),
        ("1 ", 1),
        ("0x1.8", 5),
        ("0x", 2),
        ("0x1p", 4),
        ("é", 0),
        ("0xé", 2),
    ] {
        match B64.parse(text) {
            Err(FpbitsError::NotANumber { offset: at, .. }) => assert_eq!(at, offset, "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn far_out_texts_neither_hang_nor_overflow() {
    let long = format!("0.{}1", "0".repeat(5_000));
    for (text, expected) in [
        ("1e999999999999999999999", f64::INFINITY),
        ("-1e400", f64::NEG_INFINITY),
        ("1e-999999999999999999999", 0.0),
        ("0e999999999999999999999", 0.0),
        (&long, 0.0),
        ("0x1p-99999999999999999999", 0.0),
        ("0x1p99999999999999999999", f64::INFINITY),
        ("2.4703282292062327e-324", 0.0), // just below half of the smallest
        ("2.4703282292062329e-324", 5e-324), // just above
    ] {
        assert_eq!(f64::from_bits(B64.parse(text).unwrap()), expected, "{text:.40}");
    }
}

#[test]
fn hexadecimal_both_ways() {
    for x in [0.1, -3.0, 1e300, 5e-324, f64::MAX, f64::MIN_POSITIVE] {
        let text = B64.to_hex(x.to_bits()).unwrap();
        assert_eq!(B64.parse(&text).unwrap(), x.to_bits(), "{text}");
    }
    assert_eq!(B64.parse_hex("0x.8p0").unwrap(), 0.5f64.to_bits());
    assert_eq!(B64.parse_hex("-0X1P+4").unwrap(), (-16f64).to_bits());
    // 40 digits: the last one, far below the others, breaks the tie.
    let tie = "0x1.00000000000008";
    assert_eq!(B64.parse_hex(&format!("{tie}p0")).unwrap(), 1f64.to_bits());
    let above = format!("{tie}{}1p0", "0".repeat(26));
    assert_eq!(B64.parse_hex(&above).unwrap(), 1f64.next_up().to_bits());
}

/// A decimal with `count` digits of another, and the next one of that length: the slow obvious way.
fn neighbours(exact: &Decimal, count: usize) -> [Decimal; 2] {
    let digits = exact.digits();
    let kept: u128 = digits[..count].parse().unwrap();
    let exponent = exact.scientific_exponent() - (count as i32 - 1);
    let sign = if exact.is_negative() { "-" } else { "" };
    [kept, kept + 1].map(|kept| format!("{sign}{kept}e{exponent}").parse().unwrap())
}

/// Every code comes back from its shortest text, no text of fewer digits comes back, and none of as
/// many is nearer. `rounds_to` says what comes back, past the largest number, too.
fn check_shortest_by_search(format: &Format, code: u64) {
    let text = format.to_shortest(code);
    let (exact, shortest) = (format.to_decimal(code).unwrap(), text.parse::<Decimal>().unwrap());
    // As if a next number followed the largest one.
    let unlimited = Layout {
        exponent_bits: format.layout().exponent_bits + 1,
        infinities: false,
        nan: NanCodes::None,
        overflow: Overflow::Saturate,
        ..*format.layout()
    };
    let wider = Format::new(unlimited).unwrap();
    let value = format.decode(code);
    let back = |decimal: &Decimal| wider.decode(wider.from_decimal(decimal)) == value;
    assert!(back(&shortest), "{format} {code:#x} {text}");
    let (all, length) = (exact.digits().len(), shortest.digits().len());
    for count in 1..length {
        let found = neighbours(&exact, count);
        assert!(!found.iter().any(back), "{format} {code:#x} {text}: {count} digits do");
    }
    if length < all {
        let error = |decimal: &Decimal| decimal.subtract(&exact).magnitude();
        for other in neighbours(&exact, length).iter().filter(|other| back(other)) {
            let gain = error(other).subtract(&error(&shortest));
            assert!(!gain.is_negative(), "{format} {code:#x} {text} or {other}");
        }
    }
}

/// Exhaustive with the feature of that name.
#[test]
fn shortest_texts_of_narrow_formats() {
    let narrow = Format::NAMED.iter().filter(|(_, f)| f.width() <= 16);
    for (_, format) in narrow.chain(&Format::P3109_8BIT) {
        let all = format.width() < 16 || cfg!(feature = "exhaustive");
        for code in format.finite_values().step_by(if all { 1 } else { 37 }) {
            if format.decode(code) != (Value::Zero { negative: false }) {
                check_shortest_by_search(format, code);
            }
        }
    }
    let abrupt = Format::new(Layout { subnormals: false, ..Layout::ieee(4, 3) }).unwrap();
    for code in abrupt.finite_values().filter(|&code| code != 0) {
        check_shortest_by_search(&abrupt, code);
    }
}

/// Infinities and NaN come back, too.
#[test]
fn texts_of_special_values() {
    for (_, format) in Format::NAMED.iter().chain(&Format::P3109_8BIT) {
        for code in format.infinity().into_iter().chain(format.nan()) {
            assert_eq!(format.parse(&format.to_shortest(code)), Ok(code), "{format}");
        }
    }
    assert_eq!(Format::E2M3.to_shortest(Format::E2M3.max_finite()), "7.5");
}

/// Exponents of 15 bits: 5,000 digits, and still no time.
#[test]
fn shortest_texts_of_wide_exponents() {
    let wide = Format::new(Layout::ieee(15, 48)).unwrap();
    for code in (0..200u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1) {
        if !wide.is_nan(code) {
            assert_eq!(wide.parse(&wide.to_shortest(code)), Ok(code), "{code:#x}");
        }
    }
}

/// What is promised of a shortest text, with the standard library's as the measure: no digit more,
/// as near to the exact value or nearer, and of two equally near ones that whose last digit is even
/// (4217.78125 as f32 lies in the middle of 4217.7812 and 4217.7813, between which the standard
/// library does not choose by this rule).
fn check_shortest(format: &Format, code: u64, std: &str) {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let text = format.to_shortest(code);
    assert_eq!(format.parse(&text), Ok(code), "{text}");
    let (ours, std) = (decimal(&text), decimal(std));
    if ours == std {
        return;
    }
    assert_eq!(ours.digits().len(), std.digits().len(), "{text} {std}");
    let exact = format.to_decimal(code).unwrap();
    // How much nearer ours is: positive or zero.
    let gain = std.subtract(&exact).magnitude().subtract(&ours.subtract(&exact).magnitude());
    assert!(!gain.is_negative(), "{text} is farther from {exact} than {std}");
    if gain.is_zero() {
        let last = *ours.digits().as_bytes().last().unwrap();
        assert!((last - b'0').is_multiple_of(2), "{text} and {std} are equally near to {exact}");
    }
}

fn check_shortest_f64(x: f64) {
    check_shortest(&B64, x.to_bits(), &format!("{x:e}"));
}

fn check_shortest_f32(x: f32) {
    check_shortest(&Format::BINARY32, x.to_bits().into(), &format!("{x:e}"));
}

/// Ties between two shortest texts, found by searching.
#[test]
fn shortest_texts_of_ties_are_even() {
    for (bits, text) in [(1_166_265_920, "4217.7812"), (0x4a80_0001, "4194304.5")] {
        assert_eq!(Format::BINARY32.to_shortest(bits), text);
        check_shortest_f32(f32::from_bits(bits as u32));
    }
}

#[test]
fn shortest_texts_at_powers_of_two() {
    // There the spacing below is half of the spacing above, and the nearest decimal of a length
    // may lie outside while a farther one lies inside.
    for exponent in -1074..1024 {
        check_shortest_f64(2f64.powi(exponent));
    }
}

fn parsing_data(name: &str) -> Option<String> {
    let data = std::env::var_os("ULP_TEST_DATA").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"))
    });
    let path = data.join("float-parsing").join(name);
    let read = match name.ends_with(".gz") {
        true => Command::new("gzip").arg("-dc").arg(&path).output().ok().map(|o| o.stdout),
        false => std::fs::read(&path).ok(),
    };
    match read {
        Some(bytes) if !bytes.is_empty() => Some(String::from_utf8(bytes).unwrap()),
        _ => {
            eprintln!("skipped: no {}", path.display());
            None
        }
    }
}

/// `f16 f32 f64 text` in each line.
fn check_parsing(name: &str, stride: usize) {
    let Some(text) = parsing_data(name) else { return };
    for line in text.lines().step_by(stride) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        for (format, hex) in [Format::BINARY16, Format::BINARY32, B64].iter().zip(&words) {
            let expected = u64::from_str_radix(hex, 16).unwrap();
            assert_eq!(format.parse(words[3]), Ok(expected), "{format} {line}");
        }
    }
}

#[test]
fn parsing_google_wuffs() {
    check_parsing("google-wuffs.txt", 1);
}

#[test]
fn parsing_tencent_rapidjson() {
    check_parsing("tencent-rapidjson.txt", 1);
}

#[test]
fn parsing_exhaustive_float16() {
    check_parsing("exhaustive-float16.txt.gz", 3);
}

proptest! {
    #[test]
    fn parsing_agrees_with_the_standard_library(
        whole in "[0-9]{0,25}", fraction in "[0-9]{1,25}", exponent in -345i32..330
    ) {
        let text = format!("{whole}.{fraction}e{exponent}");
        prop_assert_eq!(B64.parse(&text).unwrap(), text.parse::<f64>().unwrap().to_bits());
        let single = text.parse::<f32>().unwrap().to_bits();
        prop_assert_eq!(Format::BINARY32.parse(&text).unwrap(), u64::from(single));
    }

    #[test]
    fn shortest_agrees_with_the_standard_library(bits: u64) {
        let x = f64::from_bits(bits);
        if x.is_finite() && x != 0.0 {
            check_shortest_f64(x);
        }
    }

    #[test]
    fn shortest_f32_agrees_with_the_standard_library(bits: u32) {
        let x = f32::from_bits(bits);
        if x.is_finite() && x != 0.0 {
            check_shortest_f32(x);
        }
    }

    #[test]
    fn no_text_panics(text in "[-+0-9.eExXpPa-f]{0,12}|\\PC{0,6}") {
        let _ = B64.parse(&text);
        let _ = text.parse::<Format>();
    }
}
