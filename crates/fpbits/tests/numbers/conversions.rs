//! The fast conversions against the soft path: `Format::convert` goes by way of the exact value,
//! and shares no code with them.

use fpbits::*;
use proptest::prelude::*;

/// One narrow format: its description and its four fast conversions, widened to common types.
struct Narrow {
    name: &'static str,
    format: Format,
    from_f32: fn(f32) -> u64,
    from_f64: fn(f64) -> u64,
    to_f32: fn(u64) -> f32,
    to_f64: fn(u64) -> f64,
}

const NARROW: [Narrow; 5] = [
    Narrow {
        name: "binary16",
        format: Format::BINARY16,
        from_f32: |x| f16_from_f32(x).into(),
        from_f64: |x| f16_from_f64(x).into(),
        to_f32: |code| f16_to_f32(code as u16),
        to_f64: |code| f16_to_f64(code as u16),
    },
    Narrow {
        name: "bfloat16",
        format: Format::BFLOAT16,
        from_f32: |x| bf16_from_f32(x).into(),
        from_f64: |x| bf16_from_f64(x).into(),
        to_f32: |code| bf16_to_f32(code as u16),
        to_f64: |code| bf16_to_f64(code as u16),
    },
    Narrow {
        name: "e4m3fn",
        format: Format::E4M3FN,
        from_f32: |x| e4m3fn_from_f32(x).into(),
        from_f64: |x| e4m3fn_from_f64(x).into(),
        to_f32: |code| e4m3fn_to_f32(code as u8),
        to_f64: |code| e4m3fn_to_f64(code as u8),
    },
    Narrow {
        name: "e5m2",
        format: Format::E5M2,
        from_f32: |x| e5m2_from_f32(x).into(),
        from_f64: |x| e5m2_from_f64(x).into(),
        to_f32: |code| e5m2_to_f32(code as u8),
        to_f64: |code| e5m2_to_f64(code as u8),
    },
    Narrow {
        name: "e2m1",
        format: Format::E2M1,
        from_f32: |x| e2m1_from_f32(x).into(),
        from_f64: |x| e2m1_from_f64(x).into(),
        to_f32: |code| e2m1_to_f32(code as u8),
        to_f64: |code| e2m1_to_f64(code as u8),
    },
];

fn check_f32(x: f32) {
    for narrow in &NARROW {
        let soft = Format::BINARY32.convert(x.to_bits().into(), &narrow.format);
        let fast = (narrow.from_f32)(x);
        assert_eq!(fast, soft, "{}: {x:e} ({:#010x})", narrow.name, x.to_bits());
    }
}

fn check_f64(x: f64) {
    for narrow in &NARROW {
        let soft = Format::BINARY64.convert(x.to_bits(), &narrow.format);
        let fast = (narrow.from_f64)(x);
        assert_eq!(fast, soft, "{}: {x:e} ({:#018x})", narrow.name, x.to_bits());
    }
}

#[test]
fn every_code_widens_exactly() {
    for narrow in &NARROW {
        for code in 0..1u64 << narrow.format.width() {
            let single = (narrow.to_f32)(code).to_bits();
            let double = (narrow.to_f64)(code).to_bits();
            let soft = narrow.format.convert(code, &Format::BINARY32);
            // bfloat16 to binary32 moves bits, so that a signalling NaN is not made quiet.
            let moved = narrow.format == Format::BFLOAT16 && narrow.format.is_nan(code);
            let quiet = if moved { 1 << 22 } else { 0 };
            assert_eq!(u64::from(single | quiet), soft, "{} {code:#x}", narrow.name);
            let soft = narrow.format.convert(code, &Format::BINARY64);
            assert_eq!(double, soft, "{} {code:#x}", narrow.name);
        }
    }
}

#[test]
fn every_code_survives_the_way_up_and_down() {
    for narrow in &NARROW {
        for code in (0..1u64 << narrow.format.width()).filter(|&c| !narrow.format.is_nan(c)) {
            assert_eq!((narrow.from_f32)((narrow.to_f32)(code)), code, "{}", narrow.name);
            assert_eq!((narrow.from_f64)((narrow.to_f64)(code)), code, "{}", narrow.name);
        }
    }
}

/// The places where rounding decides: the middle between any two neighbours, and the f32 and f64
/// just above and below it. In f64 there is also a hair's breadth, which f32 cannot see.
#[test]
fn every_tie_and_its_neighbours() {
    for narrow in &NARROW {
        let codes: Vec<u64> = narrow.format.finite_values().collect();
        for pair in codes.windows(2) {
            let middle = (narrow.to_f64)(pair[0]).midpoint((narrow.to_f64)(pair[1]));
            for x in [middle.next_down(), middle, middle.next_up()] {
                check_f64(x);
            }
            let single = middle as f32;
            for x in [single.next_down(), single, single.next_up()] {
                check_f32(x);
            }
        }
        let largest = (narrow.to_f64)(narrow.format.max_finite());
        let last_step = largest - (narrow.to_f64)(narrow.format.max_finite() - 1);
        for x in [largest + last_step / 2.0, largest + last_step] {
            for x in [x.next_down(), x, x.next_up(), -x] {
                check_f64(x);
                check_f32(x as f32);
            }
        }
    }
}

/// Two million f32 spread over all exponents by a stride coprime to 2^32, and the specials.
#[test]
fn sampled_f32() {
    let mut bits = 0u32;
    for _ in 0..2_000_000 {
        check_f32(f32::from_bits(bits));
        bits = bits.wrapping_add(0x9e37_79b1); // 2^32 / golden ratio, odd
    }
    for x in [f32::INFINITY, f32::NAN, f32::MAX, f32::MIN_POSITIVE, 0.0] {
        check_f32(x);
        check_f32(-x);
    }
}

#[test]
fn sampled_f64() {
    let mut bits = 0u64;
    for _ in 0..1_000_000 {
        check_f64(f64::from_bits(bits));
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15); // 2^64 / golden ratio, odd
    }
    for x in [f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, 0.0] {
        check_f64(x);
        check_f64(-x);
    }
}

/// All 2^32 inputs: some minutes in a release build.
#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "minutes: run with --release -- --ignored")]
fn every_f32() {
    for bits in 0..=u32::MAX {
        check_f32(f32::from_bits(bits));
    }
}

/// Every f32 of a stride through all of them, in slices of odd lengths, against the scalar code.
fn check_slices(values: &[f32]) {
    fn check<C: Copy + Default + PartialEq + core::fmt::Debug>(
        values: &[f32],
        from_slice: fn(&[f32], &mut [C]),
        from: fn(f32) -> C,
        to_slice: fn(&[C], &mut [f32]),
        to: fn(C) -> f32,
    ) {
        let mut codes = vec![C::default(); values.len()];
        from_slice(values, &mut codes);
        for (&x, &code) in values.iter().zip(&codes) {
            assert_eq!(code, from(x), "{x:e}");
        }
        let mut back = vec![0.0; values.len()];
        to_slice(&codes, &mut back);
        for (&code, x) in codes.iter().zip(&back) {
            assert_eq!(x.to_bits(), to(code).to_bits(), "{code:x?}");
        }
    }
    check(values, f16_from_f32_slice, f16_from_f32, f16_to_f32_slice, f16_to_f32);
    check(values, bf16_from_f32_slice, bf16_from_f32, bf16_to_f32_slice, bf16_to_f32);
    check(values, e4m3fn_from_f32_slice, e4m3fn_from_f32, e4m3fn_to_f32_slice, e4m3fn_to_f32);
    check(values, e5m2_from_f32_slice, e5m2_from_f32, e5m2_to_f32_slice, e5m2_to_f32);
    check(values, e2m1_from_f32_slice, e2m1_from_f32, e2m1_to_f32_slice, e2m1_to_f32);
    let even = &values[..values.len() & !1];
    let (mut bytes, mut back) = (vec![0; even.len() / 2], vec![0.0; even.len()]);
    e2m1x2_from_f32_slice(even, &mut bytes);
    e2m1x2_to_f32_slice(&bytes, &mut back);
    for (i, &byte) in bytes.iter().enumerate() {
        let codes = [byte & 0xf, byte >> 4];
        assert_eq!(codes, [e2m1_from_f32(even[2 * i]), e2m1_from_f32(even[2 * i + 1])]);
        assert_eq!([back[2 * i], back[2 * i + 1]], codes.map(e2m1_to_f32));
    }
}

#[test]
fn slices_equal_scalars() {
    for length in (0..70).chain([10_007]) {
        let stride = 0x9e37_79b1u32; // 2^32 / golden ratio, odd
        let values: Vec<f32> =
            (0..length).map(|i: u32| f32::from_bits(i.wrapping_mul(stride))).collect();
        check_slices(&values);
    }
}

/// Long enough to be written past the caches, from a start that is not aligned.
#[test]
fn long_slices_equal_scalars() {
    let codes: Vec<u16> =
        (0..(1 << 20) + 2_077u32).map(|i| i.wrapping_mul(40_503) as u16).collect();
    let bytes: Vec<u8> = codes.iter().map(|code| (code >> 3) as u8).collect();
    let mut values = vec![0.0; codes.len()];
    for start in [0, 1, 7] {
        let (codes, bytes, values) = (&codes[start..], &bytes[start..], &mut values[start..]);
        fn check<C: Copy>(codes: &[C], values: &[f32], to: fn(C) -> f32) {
            assert!(values.iter().zip(codes).all(|(x, &c)| x.to_bits() == to(c).to_bits()));
        }
        f16_to_f32_slice(codes, values);
        check(codes, values, f16_to_f32);
        bf16_to_f32_slice(codes, values);
        check(codes, values, bf16_to_f32);
        e4m3fn_to_f32_slice(bytes, values);
        check(bytes, values, e4m3fn_to_f32);
        e5m2_to_f32_slice(bytes, values);
        check(bytes, values, e5m2_to_f32);
        e2m1_to_f32_slice(bytes, values);
        check(bytes, values, e2m1_to_f32);
        let pairs = values.len() / 2;
        e2m1x2_to_f32_slice(&bytes[..pairs], &mut values[..2 * pairs]);
        for (pair, &byte) in values.as_chunks().0.iter().zip(bytes) {
            assert_eq!(*pair, [e2m1_to_f32(byte & 0xf), e2m1_to_f32(byte >> 4)]);
        }
    }
    // And long sources.
    let values: Vec<f32> =
        (0..(1 << 20) + 2_077u32).map(|i| f32::from_bits(i.wrapping_mul(0x9e37_79b1))).collect();
    check_slices(&values[1..]);
}

/// Every code of 16 bits, signalling NaNs and all.
#[test]
fn slices_of_every_code() {
    let codes: Vec<u16> = (0..=u16::MAX).collect();
    let (mut half, mut brain) = (vec![0.0; codes.len()], vec![0.0; codes.len()]);
    f16_to_f32_slice(&codes, &mut half);
    bf16_to_f32_slice(&codes, &mut brain);
    for (i, &code) in codes.iter().enumerate() {
        assert_eq!(half[i].to_bits(), f16_to_f32(code).to_bits(), "{code:#x}");
        assert_eq!(brain[i].to_bits(), bf16_to_f32(code).to_bits(), "{code:#x}");
    }
    let codes: Vec<u8> = (0..=u8::MAX).collect();
    let mut values = vec![0.0; codes.len()];
    e4m3fn_to_f32_slice(&codes, &mut values);
    assert!(values.iter().zip(&codes).all(|(x, &c)| x.to_bits() == e4m3fn_to_f32(c).to_bits()));
    e5m2_to_f32_slice(&codes, &mut values);
    assert!(values.iter().zip(&codes).all(|(x, &c)| x.to_bits() == e5m2_to_f32(c).to_bits()));
    e2m1_to_f32_slice(&codes, &mut values);
    assert!(values.iter().zip(&codes).all(|(x, &c)| x.to_bits() == e2m1_to_f32(c).to_bits()));
}

#[test]
#[cfg_attr(not(feature = "exhaustive"), ignore = "minutes: run with --release -- --ignored")]
fn slices_of_every_f32() {
    for start in (0..=u32::MAX).step_by(1 << 20) {
        let values: Vec<f32> = (start..=start + ((1 << 20) - 1)).map(f32::from_bits).collect();
        check_slices(&values);
    }
}

#[test]
#[should_panic(expected = "conversion of 3 elements into 2")]
fn slices_must_agree_in_length() {
    f16_from_f32_slice(&[0.0; 3], &mut [0; 2]);
}

#[test]
fn conversions_run_at_compile_time() {
    const ONE: u16 = f16_from_f32(1.0);
    const SMALLEST: f64 = e4m3fn_to_f64(1);
    assert_eq!((ONE, SMALLEST), (0x3c00, 0.001953125));
}

proptest! {
    #[test]
    fn any_f32(bits: u32) {
        check_f32(f32::from_bits(bits));
    }

    #[test]
    fn any_f64(bits: u64) {
        check_f64(f64::from_bits(bits));
    }

    /// f64 to f32 is the hardware's: the soft path must agree with it.
    #[test]
    fn the_soft_path_agrees_with_the_hardware(bits: u64, exponent in 890u64..1160) {
        let near_f32s_range = bits & !(0x7ff << 52) | exponent << 52;
        for x in [f64::from_bits(bits), f64::from_bits(near_f32s_range)] {
            let soft = Format::BINARY64.convert(x.to_bits(), &Format::BINARY32);
            prop_assert!(x.is_nan() || soft == u64::from((x as f32).to_bits()), "{x:e}");
        }
    }
}
