//! What the descriptions say about the formats, against the tables of their specifications.

use fpbits::*;
use proptest::prelude::*;

fn decimal(format: &Format, code: u64) -> String {
    format.to_shortest(code)
}

/// Name, width, bias, largest, smallest normal, smallest positive: as in the OCP specifications,
/// IEEE 754 table 3.5, and the papers named at the constants.
#[test]
fn ranges() {
    for (name, width, bias, largest, normal, positive) in [
        ("binary64", 64, 1023, "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324"),
        ("binary32", 32, 127, "3.4028235e38", "1.1754944e-38", "1e-45"),
        ("tf32", 19, 127, "3.4011e38", "1.1755e-38", "1e-41"),
        ("binary16", 16, 15, "65500", "0.00006104", "6e-8"),
        ("bfloat16", 16, 127, "3.39e38", "1.175e-38", "9e-41"),
        ("e5m2", 8, 15, "60000", "0.00006", "0.00002"),
        ("e5m2fnuz", 8, 16, "60000", "0.00003", "8e-6"),
        ("e4m3", 8, 7, "240", "0.016", "0.002"),
        ("e4m3fn", 8, 7, "450", "0.016", "0.002"),
        ("e4m3fnuz", 8, 8, "240", "0.008", "0.001"),
        ("e4m3b11fnuz", 8, 11, "30", "0.001", "0.0001"),
        ("e3m4", 8, 3, "15.5", "0.25", "0.016"),
        ("e8m0", 8, 127, "1.7e38", "6e-39", "6e-39"),
        ("e3m2", 6, 3, "28", "0.25", "0.06"),
        ("e2m3", 6, 1, "7.5", "1", "0.1"),
        ("e2m1", 4, 1, "6", "1", "0.5"),
    ] {
        let f: Format = name.parse().unwrap();
        assert_eq!((f.name(), f.width(), f.layout().bias), (Some(name), width, bias));
        for (what, code, expected) in [
            ("largest", f.max_finite(), largest),
            ("smallest normal", f.min_normal(), normal),
            ("smallest positive", f.min_positive(), positive),
        ] {
            assert_eq!(f.parse(expected), Ok(code), "{name}: {what} is {}", decimal(&f, code));
        }
    }
    let exact = |f: Format| f.to_decimal(f.max_finite()).unwrap().to_string();
    assert_eq!(exact(Format::E4M3FN), "448");
    assert_eq!(exact(Format::E5M2), "57344");
    assert_eq!(exact(Format::E4M3FNUZ), "240");
    assert_eq!(exact(Format::E5M2FNUZ), "57344");
    assert_eq!(exact(Format::E4M3B11FNUZ), "30");
    assert_eq!(exact(Format::BINARY16), "65504");
}

/// Largest, smallest and bias of the P3109 formats, as in the value tables of the working group.
#[test]
fn p3109_ranges() {
    for (name, bias, largest, positive) in [
        ("binary8p1se", 64, "0x1p62", "0x1p-63"),
        ("binary8p1uf", 128, "0x1p126", "0x1p-127"),
        ("binary8p3se", 16, "0x1.8p15", "0x1p-17"),
        ("binary8p3sf", 16, "0x1.cp15", "0x1p-17"),
        ("binary8p3ue", 32, "0x1.4p31", "0x1p-33"),
        ("binary8p3uf", 32, "0x1.8p31", "0x1p-33"),
        ("binary8p4se", 8, "0x1.cp7", "0x1p-10"),
        ("binary8p7se", 1, "0x1.f8p0", "0x1p-6"),
        ("binary8p8ue", 1, "0x1.fap0", "0x1p-7"),
        ("binary10p1ue", 512, "0x1p509", "0x1p-511"),
    ] {
        let f: Format = name.parse().unwrap();
        assert_eq!((f.to_string().as_str(), f.layout().bias), (name, bias));
        assert_eq!(f.parse_hex(largest), Ok(f.max_finite()), "{name}");
        assert_eq!(f.parse_hex(positive), Ok(f.min_positive()), "{name}");
        let beyond = f.round_with(
            &Unrounded { negative: false, significand: 1, exponent: 20_000, sticky: false },
            Context::NEAREST_EVEN,
        );
        assert_eq!(beyond.code, f.infinity().unwrap_or(f.max_finite()), "{name}");
    }
    for (name, format) in Format::P3109_8BIT {
        assert_eq!((name.parse(), format.name()), (Ok(format), Some(name)));
        assert_eq!(format.width(), 8, "{name}");
        let nans = (0..256).filter(|&code| format.is_nan(code)).count();
        assert_eq!((nans, format.has_negative_zero()), (1, false), "{name}");
    }
    for (width, precision) in [(8, 0), (8, 8), (16, 3), (1, 1)] {
        let refused = Format::p3109(width, precision, Signedness::Signed, Domain::Finite);
        assert_eq!(refused, Err(FpbitsError::P3109 { width, precision }));
    }
}

/// Without zero nothing is nearer to zero than the smallest number of a sign, and without a sign bit a negative
/// number is out of range however small it is (ml_dtypes has NaN, too).
#[test]
fn below_the_smallest_number_is_the_smallest_of_its_sign() {
    let from = |x: f64, to: &Format| to.encode_with(&Value::of_f64(x), Context::NEAREST_EVEN);
    for x in [-f64::from_bits(1), -2f64.powi(-149), -(2f64.powi(-127)), -1.0] {
        let below = from(x, &Format::E8M0);
        assert_eq!((below.code, below.flags), (0xff, Flags::OVERFLOW | Flags::INEXACT), "{x}");
        let clamped = Format::E8M0.with_overflow(Overflow::Saturate).unwrap();
        assert_eq!(from(x, &clamped).code, 0);
    }
    assert_eq!(from(2f64.powi(-149), &Format::E8M0).code, 0);
    let signed = Format::new(Layout { zero: false, ..Layout::ieee(3, 2) }).unwrap();
    for (x, code) in [(1e-9, 0), (-1e-9, 0x20), (-1e-3, 0x20)] {
        assert_eq!(from(x, &signed).code, code, "{x}");
    }
    assert_eq!(signed.to_decimal(0x20).unwrap().to_string(), "-0.125");
}

/// With one significant bit, P3109 sends ties to the even code; E8M0, without zero, up.
#[test]
fn ties_of_one_bit() {
    let p1: Format = "binary8p1se".parse().unwrap();
    for (x, nearest) in [(1.5, 1.0), (3.0, 4.0), (6.0, 4.0), (12.0, 16.0)] {
        assert_eq!(p1.encode(&Value::of_f64(x)), p1.encode(&Value::of_f64(nearest)), "{x}");
        let (e8m0, up) = (Format::E8M0, 2f64.powf(x.log2().ceil()));
        assert_eq!(e8m0.encode(&Value::of_f64(x)), e8m0.encode(&Value::of_f64(up)), "{x}");
    }
}

#[test]
fn designs() {
    for (total, exponent, format) in [
        (16, 5, Format::BINARY16),
        (16, 8, Format::BFLOAT16),
        (32, 8, Format::BINARY32),
        (64, 11, Format::BINARY64),
        (8, 4, Format::E4M3),
    ] {
        let design = Format::design(total, exponent).unwrap();
        assert_eq!(*design.format(), format);
        let value = |name| {
            let steps = design.derivations();
            steps.iter().find(|step| step.name == name).unwrap().value.clone()
        };
        let digits = |name| value(name).rsplit(' ').next().unwrap().parse::<u32>().unwrap();
        if format == Format::BINARY64 {
            assert_eq!(digits("decimal digits kept"), f64::DIGITS);
            assert_eq!(digits("decimal digits needed"), 17);
            assert!(value("epsilon").ends_with("2.220446049250313e-16"));
        }
        if format == Format::BINARY32 {
            assert_eq!(digits("decimal digits kept"), f32::DIGITS);
            assert_eq!(digits("decimal digits needed"), 9);
        }
    }
    for (total, exponent) in [(8, 7), (65, 8), (20, 0), (64, 16), (2, 1)] {
        let refused = Format::design(total, exponent).unwrap_err();
        assert_eq!(refused, FpbitsError::Design { total, exponent });
    }
}

#[test]
fn every_code_of_every_small_format_survives() {
    let small = Format::NAMED.iter().filter(|(_, f)| f.width() <= 19);
    for (name, format) in small.chain(&Format::P3109_8BIT) {
        for code in 0..1u64 << format.width() {
            let back = format.encode(&format.decode(code));
            let fields = format.fields(code);
            let joined = (u64::from(fields.sign) << format.layout().exponent_bits
                | fields.exponent)
                << format.layout().fraction_bits
                | fields.fraction;
            assert_eq!(joined, code, "{name}");
            assert!(back == code || format.is_nan(code) && format.is_nan(back), "{name} {code:x}");
        }
    }
}

#[test]
fn classes_count_up() {
    let count = |format: &Format, class| {
        (0..1u64 << format.width()).filter(|&c| format.classify(c) == class).count()
    };
    for (format, nans, infinities) in [
        (Format::BINARY16, 2046, 2),
        (Format::E5M2, 6, 2),
        (Format::E4M3FN, 2, 0),
        (Format::E4M3FNUZ, 1, 0),
        (Format::E2M1, 0, 0),
    ] {
        assert_eq!(count(&format, Class::Nan), nans, "{format}");
        assert_eq!(count(&format, Class::Infinite), infinities, "{format}");
        let zeros = if format.has_negative_zero() { 2 } else { 1 };
        assert_eq!(count(&format, Class::Zero), zeros, "{format}");
        let signed_subnormals = 2 * ((1 << format.layout().fraction_bits) - 1);
        assert_eq!(count(&format, Class::Subnormal), signed_subnormals, "{format}");
    }
}

/// The nearest code found by looking at all of them: the slow obvious version of rounding.
fn nearest_by_search(format: &Format, x: f64) -> u64 {
    let value = |code: u64| f64::from_bits(format.convert(code, &Format::BINARY64));
    let distance = |code: &u64| (value(*code) - x).abs();
    let even = |code: &u64| code & 1;
    let codes = format.finite_values();
    codes
        .min_by(|a, b| distance(a).total_cmp(&distance(b)).then_with(|| even(a).cmp(&even(b))))
        .unwrap()
}

#[test]
fn rounding_equals_a_search_for_the_nearest() {
    for (name, format) in Format::NAMED.iter().filter(|(_, f)| f.width() <= 8 && f.layout().sign) {
        let largest = f64::from_bits(format.convert(format.max_finite(), &Format::BINARY64));
        for i in -4000..=4000i32 {
            let x = largest * f64::from(i) / 4000.0 * f64::from(i.abs() % 13) / 12.0;
            let rounded = format.encode(&Value::of_f64(x));
            let searched = nearest_by_search(format, x);
            assert_eq!(format.ordinal(rounded), format.ordinal(searched), "{name} {x}");
        }
    }
}

#[test]
fn overflow_by_each_policy() {
    let huge = Value::of_f64(-1e30);
    let e4m3 = Format::E4M3;
    for (policy, code) in
        [(Overflow::Infinity, 0xf8), (Overflow::Saturate, 0xf7), (Overflow::Nan, 0xfc)]
    {
        assert_eq!(e4m3.with_overflow(policy).unwrap().encode(&huge), code);
    }
    assert_eq!(Format::E4M3FNUZ.encode(&huge), 0x80);
    assert_eq!(Format::E2M1.encode(&huge), 0xf);
    assert_eq!(Format::E2M1.encode(&Value::of_f64(f64::INFINITY)), 0x7);
    // A saturating format with infinities keeps infinity: it was not rounded.
    let saturating = e4m3.with_overflow(Overflow::Saturate).unwrap();
    assert_eq!(saturating.encode(&Value::of_f64(f64::INFINITY)), 0x78);
}

#[test]
fn without_subnormals_and_without_sign() {
    let abrupt = Format::new(Layout { subnormals: false, ..*Format::E4M3.layout() }).unwrap();
    assert_eq!(abrupt.finite_values().count(), 2 * (14 * 8) + 1);
    assert_eq!(abrupt.parse("0.008"), Ok(0x08)); // above half of 2^-6
    assert_eq!(abrupt.parse("0.0078125"), Ok(0)); // half: to even
    assert_eq!(abrupt.next_up(0), Some(0x08));
    assert_eq!(abrupt.next_down(0x08), Some(0));
    assert_eq!(abrupt.next_down(0), Some(0x88));
    assert_eq!(abrupt.decode(0x03), Value::Zero { negative: false });

    let unsigned = Format::new(Layout { sign: false, ..*Format::E5M2.layout() }).unwrap();
    assert_eq!(unsigned.width(), 7);
    assert_eq!(unsigned.parse("-1"), Ok(0)); // below the range
    let strict = unsigned.with_overflow(Overflow::Nan).unwrap();
    assert_eq!(strict.parse("-1"), Ok(0x7e)); // NaN
    assert_eq!(unsigned.parse("-0"), Ok(0));
    assert_eq!(unsigned.next_down(0), None);
}

#[test]
fn inconsistent_layouts_are_refused() {
    let ieee = Layout::ieee(5, 10);
    let refused = |layout: Layout| Format::new(layout).unwrap_err();
    assert_eq!(refused(Layout::ieee(11, 53)), FpbitsError::TooWide { bits: 65 });
    assert_eq!(refused(Layout::ieee(0, 5)), FpbitsError::ExponentBits { bits: 0 });
    assert_eq!(refused(Layout::ieee(16, 5)), FpbitsError::ExponentBits { bits: 16 });
    assert_eq!(refused(Layout::ieee(5, u32::MAX)), FpbitsError::TooWide { bits: u32::MAX });
    assert_eq!(refused(Layout { bias: 70_000, ..ieee }), FpbitsError::Bias { bias: 70_000 });
    for layout in [
        Layout { infinities: false, ..ieee },
        Layout { nan: NanCodes::NegativeZero, sign: false, ..ieee },
        Layout { nan: NanCodes::None, overflow: Overflow::Nan, ..ieee },
        Layout { nan: NanCodes::None, infinities: false, ..ieee },
        Layout::ieee(5, 0),
        Layout { nan: NanCodes::None, ..Layout::ieee(1, 0) },
        Layout { subnormals: false, ..Layout::ieee(1, 5) },
    ] {
        assert!(matches!(refused(layout), FpbitsError::Contradiction { .. }), "{layout:?}");
    }
}

#[test]
fn names_and_widths_are_read() {
    assert_eq!("F16".parse(), Ok(Format::BINARY16));
    assert_eq!("5x10".parse(), Ok(Format::BINARY16));
    assert_eq!("8x7".parse::<Format>().unwrap().to_string(), "bfloat16");
    assert_eq!("6x9".parse::<Format>().unwrap().to_string(), "6x9");
    for text in ["", "x", "5x", "x5", "5x-1", "float", "5x10x2"] {
        assert!(matches!(text.parse::<Format>(), Err(FpbitsError::UnknownFormat)), "{text}");
    }
}

#[test]
fn the_widest_formats_do_not_overflow_inside() {
    let wide = Layout::ieee(15, 48);
    for layout in [
        Layout { zero: false, ..wide },
        Layout { zero: false, sign: false, nan: NanCodes::AllOnes, ..wide },
        Layout::ieee(1, 62),
        Layout::ieee(15, 48),
        Layout { sign: false, ..Layout::ieee(1, 63) },
        Layout { sign: false, ..Layout::ieee(15, 49) },
        Layout { bias: -65_535, ..Layout::ieee(15, 3) },
        Layout { bias: 65_535, ..Layout::ieee(15, 3) },
    ] {
        let format = Format::new(layout).unwrap();
        for code in [
            0,
            1,
            format.min_normal().saturating_sub(1),
            format.max_finite(),
            format.max_finite() - 1,
        ] {
            assert_eq!(format.encode(&format.decode(code)), code, "{format}");
            if format.layout().exponent_bits < 15 {
                assert_eq!(format.parse(&format.to_shortest(code)), Ok(code), "{format}");
            }
            assert_eq!(format.from_ordinal(format.ordinal(code).unwrap()), Some(code));
        }
        assert_eq!(format.parse("1e99999999"), Ok(format.infinity().unwrap()));
        assert_eq!(format.parse("1e-99999999"), Ok(0));
    }
}

#[test]
fn neighbours_step_through_every_finite_value() {
    let narrow = Format::NAMED.iter().filter(|(_, f)| f.width() <= 16);
    for (name, format) in narrow.chain(&Format::P3109_8BIT) {
        let codes: Vec<u64> = format.finite_values().collect();
        for pair in codes.windows(2) {
            assert_eq!(format.ulp_distance(pair[0], pair[1]), 1, "{name}");
            let up = format.next_up(pair[0]).unwrap();
            assert_eq!(format.ordinal(up), format.ordinal(pair[1]), "{name}");
            assert_eq!(format.next_down(pair[1]), Some(pair[0]), "{name}");
        }
        let last = *codes.last().unwrap();
        assert_eq!(format.next_up(last), format.infinity(), "{name}");
        assert_eq!(format.finite_values().size_hint(), (codes.len(), Some(codes.len())));
    }
}

proptest! {
    #[test]
    fn neighbours_agree_with_the_standard_library(bits: u64) {
        let (x, f) = (f64::from_bits(bits), Format::BINARY64);
        prop_assume!(x.is_finite());
        prop_assert_eq!(f.next_up(bits), Some(x.next_up().to_bits()));
        prop_assert_eq!(f.ulp_distance(bits, x.next_up().to_bits()), 1);
        prop_assert_eq!(ulp_distance(x, x.next_down()), 1);
        let spacing = f.encode(&Value::Finite(f.ulp(bits).unwrap()));
        prop_assert_eq!(f64::from_bits(spacing), ulp_f64(x));
    }

    #[test]
    fn spacing_of_f32(bits: u32) {
        let (x, f) = (f32::from_bits(bits), Format::BINARY32);
        prop_assume!(x.is_finite());
        let spacing = f.encode(&Value::Finite(f.ulp(bits.into()).unwrap()));
        prop_assert_eq!(spacing, u64::from(ulp_f32(x).to_bits()));
        prop_assert_eq!(x.abs() + ulp_f32(x), x.abs().next_up());
    }

    #[test]
    fn distances_add_up(a: f32, b: f32, c: f32) {
        let mut x = [a, b, c];
        x.sort_by(f32::total_cmp);
        let [a, b, c] = x;
        prop_assert_eq!(ulp_distance(a, c), ulp_distance(a, b) + ulp_distance(b, c));
        prop_assert_eq!(
            ulp_distance(a, c),
            Format::BINARY32.ulp_distance(a.to_bits().into(), c.to_bits().into())
        );
    }
}

#[test]
fn spacing_of_special_values() {
    assert_eq!(ulp_f64(f64::NEG_INFINITY), f64::INFINITY);
    assert!(ulp_f32(f32::NAN).is_nan());
    assert_eq!(ulp_f32(-0.0), f32::from_bits(1));
    assert_eq!(ulp_f64(f64::MIN_POSITIVE), 5e-324);
    assert_eq!(ulp_f32(f32::MAX), 2f32.powi(104));
    assert_eq!(Format::BINARY16.ulp(0x7c00), None);
}
