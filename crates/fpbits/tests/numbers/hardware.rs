//! binary32 and binary64 against the processor's own arithmetic, to nearest even; and the operations
//! that the processor answers against the exact results, rounded in software.

use fpbits::*;
use proptest::prelude::*;

const EVEN: Context = Context::NEAREST_EVEN;

fn same_f64(got: Rounded, expected: f64) -> bool {
    got.code == expected.to_bits() || f64::from_bits(got.code).is_nan() && expected.is_nan()
}

fn same_f32(got: Rounded, expected: f32) -> bool {
    let x = f32::from_bits(got.code as u32);
    x.to_bits() == expected.to_bits() || x.is_nan() && expected.is_nan()
}

fn check_f64(a: f64, b: f64, c: f64) {
    let (f, x, y, z) = (Format::BINARY64, a.to_bits(), b.to_bits(), c.to_bits());
    assert!(same_f64(f.add(x, y, EVEN), a + b), "{a:e} + {b:e}");
    assert!(same_f64(f.subtract(x, y, EVEN), a - b), "{a:e} - {b:e}");
    assert!(same_f64(f.multiply(x, y, EVEN), a * b), "{a:e} * {b:e}");
    assert!(same_f64(f.divide(x, y, EVEN), a / b), "{a:e} / {b:e}");
    assert!(same_f64(f.square_root(x, EVEN), a.sqrt()), "root of {a:e}");
    assert!(same_f64(f.fma(x, y, z, EVEN), a.mul_add(b, c)), "{a:e} * {b:e} + {c:e}");
    assert_eq!(f.compare(x, y), a.partial_cmp(&b));
    assert_eq!(f.total_order(x, y), a.total_cmp(&b));
}

fn check_f32(a: f32, b: f32, c: f32) {
    let bits = |x: f32| u64::from(x.to_bits());
    let (f, x, y, z) = (Format::BINARY32, bits(a), bits(b), bits(c));
    assert!(same_f32(f.add(x, y, EVEN), a + b), "{a:e} + {b:e}");
    assert!(same_f32(f.subtract(x, y, EVEN), a - b), "{a:e} - {b:e}");
    assert!(same_f32(f.multiply(x, y, EVEN), a * b), "{a:e} * {b:e}");
    assert!(same_f32(f.divide(x, y, EVEN), a / b), "{a:e} / {b:e}");
    assert!(same_f32(f.square_root(x, EVEN), a.sqrt()), "root of {a:e}");
    assert!(same_f32(f.fma(x, y, z, EVEN), a.mul_add(b, c)), "{a:e} * {b:e} + {c:e}");
    assert_eq!(f.compare(x, y), a.partial_cmp(&b));
    assert_eq!(f.total_order(x, y), a.total_cmp(&b));
}

/// The formats that operations may leave to the processor.
const FAST: [Format; 6] = [
    Format::BINARY64,
    Format::BINARY32,
    Format::BINARY16,
    Format::BFLOAT16,
    Format::E5M2,
    Format::E4M3FN,
];

/// Code and flags of the operations, which may take the fast path, and of the soft path.
fn check_fast_path(f: &Format, [a, b, c]: [u64; 3]) {
    let (x, y, z) = (f.decode(a), f.decode(b), f.decode(c));
    for (name, fast, exact) in [
        ("add", f.add(a, b, EVEN), Exact::sum(&x, &y)),
        ("subtract", f.subtract(a, b, EVEN), Exact::difference(&x, &y)),
        ("multiply", f.multiply(a, b, EVEN), Exact::product(&x, &y)),
        ("divide", f.divide(a, b, EVEN), Exact::quotient(&x, &y)),
        ("fma", f.fma(a, b, c, EVEN), Exact::fused(&x, &y, &z)),
    ] {
        assert_eq!(fast, f.round_exact(&exact, EVEN), "{name} {a:#x} {b:#x} {c:#x} in {f}");
    }
}

/// Every pair of codes of the 8-bit formats; `eight_bits.rs` has every triple.
#[test]
fn fast_path_of_every_pair() {
    for f in [Format::E5M2, Format::E4M3FN] {
        for pair in 0..1u64 << 16 {
            let (a, b) = (pair & 0xff, pair >> 8);
            check_fast_path(&f, [a, b, a.wrapping_mul(b) & 0xff]);
        }
    }
}

/// Where the fast path begins and ends: the first and the last binades and what is beyond them.
#[test]
fn fast_path_at_the_edges() {
    for f in FAST {
        let binade = 1 << f.layout().fraction_bits;
        let anchors =
            [f.min_normal(), 2 * f.min_normal(), f.max_finite(), f.max_finite() - binade, 0];
        let near = |code: u64| (0..5).map(move |i| (code + i).saturating_sub(2));
        let magnitudes = anchors.into_iter().flat_map(near).chain(f.parse("1"));
        let codes: Vec<u64> = magnitudes.flat_map(|code| [code, f.negate(code)]).collect();
        for &a in &codes {
            for &b in &codes {
                for &c in codes.iter().step_by(3) {
                    check_fast_path(&f, [a, b, c]);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn fast_path_of_any_codes(codes: [u64; 3]) {
        for f in FAST {
            check_fast_path(&f, codes.map(|code| code & u64::MAX >> (64 - f.width())));
        }
    }

    /// Codes with exponents near to one another and few bits: sums that cancel or tie, quotients
    /// and products that are exact.
    #[test]
    fn fast_path_of_near_codes(codes: [u64; 3], binades: [u8; 3], cuts in [0u32..60, 0..60, 0..60]) {
        for f in FAST {
            let m = f.layout().fraction_bits;
            let code = |i: usize| {
                let spread = f.layout().exponent_bits.min(6);
                let exponent = f.layout().bias as u64 + u64::from(binades[i] >> (8 - spread)) / 2;
                let fraction = codes[i] >> (64 - m) >> cuts[i].min(m) << cuts[i].min(m);
                let sign = codes[i] & 1 << (f.width() - 1);
                sign | exponent << m | fraction
            };
            let codes = [0, 1, 2].map(code);
            check_fast_path(&f, codes);
            // c of the size of the product.
            let product = f.multiply(codes[0], codes[1], EVEN).code;
            check_fast_path(&f, [codes[0], codes[1], f.negate(product)]);
        }
    }

    #[test]
    fn any_f64(a: u64, b: u64, c: u64) {
        check_f64(f64::from_bits(a), f64::from_bits(b), f64::from_bits(c));
    }

    /// Operands near to one another, where sums cancel, and few bits, where ties are.
    #[test]
    fn near_f64(a in 0u64..1 << 20, b in 0u64..1 << 20, shift in 0u32..44, e in -60i32..60) {
        let x = f64::from_bits(a << shift | 1023 << 52);
        let y = f64::from_bits(b << (43 - shift) | 1023 << 52) * 2f64.powi(e);
        for (x, y) in [(x, y), (x, -y)] {
            check_f64(x, y, -(x * y));
            check_f64(x, y, y);
        }
    }

    #[test]
    fn any_f32(a: u32, b: u32, c: u32) {
        check_f32(f32::from_bits(a), f32::from_bits(b), f32::from_bits(c));
    }

    #[test]
    fn near_f32(a in 0u32..1 << 12, b in 0u32..1 << 12, shift in 0u32..20, e in -30i32..30) {
        let x = f32::from_bits(a << (shift % 11) | 127 << 23);
        let y = f32::from_bits(b << ((19 - shift) % 11) | 127 << 23) * 2f32.powi(e);
        for (x, y) in [(x, y), (x, -y)] {
            check_f32(x, y, -(x * y));
            check_f32(x, y, y);
        }
    }

    #[test]
    fn integers(i: i64, shift in 0u32..63) {
        let i = i >> shift;
        let code = |f: Format| f.from_integer(i.into(), EVEN).code;
        prop_assert_eq!(code(Format::BINARY64), (i as f64).to_bits());
        prop_assert_eq!(code(Format::BINARY32), u64::from((i as f32).to_bits()));
    }

    /// x - n y is smaller than half of y and exact.
    #[test]
    fn remainders(a in proptest::num::f64::NORMAL, b in proptest::num::f64::NORMAL) {
        let r = Format::BINARY64.remainder(a.to_bits(), b.to_bits(), EVEN);
        prop_assert_eq!(r.flags, Flags::NONE);
        let (r, fmod) = (f64::from_bits(r.code), a % b);
        prop_assert!(r.abs() <= b.abs() / 2.0);
        prop_assert!(r == fmod || r == fmod - b.abs() || r == fmod + b.abs(), "{} {}", r, fmod);
    }
}

#[test]
fn subnormal_edges() {
    let tiny = f64::from_bits(1);
    let edges = [tiny, -tiny, f64::MIN_POSITIVE, f64::MIN_POSITIVE.next_down(), 0.5, 1.5, 2.0];
    for a in edges {
        for b in edges {
            for c in edges {
                check_f64(a, b, c);
                check_f64(a, b, -c);
            }
        }
    }
}
