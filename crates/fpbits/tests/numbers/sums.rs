//! Sums: error-free steps, the methods' bounds, and the accumulator against integers of any size
//! and against itself in other orders.

use fpbits::*;
use proptest::collection::vec;
use proptest::prelude::*;

const EVEN: Context = Context::NEAREST_EVEN;

/// Numbers whose exponents differ widely, so that sums cancel and nothing fits anywhere.
fn wild_f64() -> impl Strategy<Value = f64> {
    (any::<u64>(), -300i32..300).prop_map(|(bits, e)| {
        let fraction =
            f64::from_bits(bits >> 12 | 1023 << 52) * if bits & 1 == 0 { 1.0 } else { -1.0 };
        fraction * 2f64.powi(e)
    })
}

fn wild_f32() -> impl Strategy<Value = f32> {
    (any::<u32>(), -60i32..60).prop_map(|(bits, e)| {
        let fraction =
            f32::from_bits(bits >> 9 | 127 << 23) * if bits & 1 == 0 { 1.0 } else { -1.0 };
        fraction * 2f32.powi(e)
    })
}

/// The exact sum as a decimal, term by term: slow and obvious.
fn decimal_sum(terms: impl Iterator<Item = Decimal>) -> Decimal {
    let zero: Decimal = "0".parse().unwrap();
    // a + b is a - (0 - b)
    terms.fold(zero.clone(), |sum, term| sum.subtract(&zero.subtract(&term)))
}

fn decimal_of(x: f64) -> Decimal {
    Format::BINARY64.to_decimal(x.to_bits()).unwrap()
}

fn f64_of(decimal: &Decimal) -> f64 {
    f64::from_bits(Format::BINARY64.from_decimal(decimal))
}

proptest! {
    #[test]
    fn two_sum_is_exact(a in wild_f64(), b in wild_f64()) {
        let (s, e) = two_sum(a, b);
        prop_assert_eq!(s, a + b);
        let exact = decimal_sum([a, b].into_iter().map(decimal_of));
        prop_assert!(decimal_sum([s, e].into_iter().map(decimal_of)).subtract(&exact).is_zero());
        let (large, small) = if a.abs() >= b.abs() { (a, b) } else { (b, a) };
        prop_assert_eq!(fast_two_sum(large, small), (s, e));
    }

    #[test]
    fn two_product_is_exact(a in wild_f64(), b in wild_f64(), c in wild_f32(), d in wild_f32()) {
        let (p, e) = two_product(a, b);
        prop_assert_eq!((p, e), (a * b, a.mul_add(b, -(a * b))));
        if (c * d).abs() > 1e-30 && (c * d).is_finite() {
            let (p, e) = two_product(c, d);
            prop_assert_eq!(f64::from(p) + f64::from(e), f64::from(c) * f64::from(d));
        }
    }

    #[test]
    fn exact_sums_equal_decimal_ones(values in vec(wild_f64(), 0..12)) {
        let exact = decimal_sum(values.iter().map(|&x| decimal_of(x)));
        prop_assert_eq!(exact_sum(&values), f64_of(&exact) + 0.0);
    }

    #[test]
    fn exact_dots_equal_decimal_ones(pairs in vec((wild_f64(), wild_f64()), 0..8)) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let product = |&(x, y): &(f64, f64)| {
            let (p, e) = two_product(x, y);
            decimal_sum([p, e].into_iter().map(decimal_of))
        };
        let exact = decimal_sum(pairs.iter().map(product));
        prop_assert_eq!(exact_dot(&a, &b), f64_of(&exact) + 0.0);
    }

    /// Any order and any partition.
    #[test]
    fn sums_do_not_depend_on_order(
        values in vec(wild_f32(), 1..200), cut in any::<prop::sample::Index>()
    ) {
        let expected = exact_sum(&values);
        let mut reversed = values.clone();
        reversed.reverse();
        prop_assert_eq!(exact_sum(&reversed), expected);
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        prop_assert_eq!(exact_sum(&sorted), expected);
        let (left, right) = values.split_at(cut.index(values.len()));
        let (mut one, mut other) =
            (ExactSum::new(&Format::BINARY32), ExactSum::new(&Format::BINARY32));
        one.add_slice(right);
        left.iter().for_each(|x| other.add(x.to_bits().into()));
        one.merge(&other);
        prop_assert_eq!(f32::from_bits(one.round(EVEN).code as u32), expected);
    }

    /// The tables of a slice against one term at a time.
    #[test]
    fn slices_equal_single_terms(a in vec(wild_f32(), 0..400), seed: u32) {
        let b: Vec<f32> =
            a.iter().map(|x| f32::from_bits(x.to_bits() ^ seed & 0xc0ff_ffff)).collect();
        let code = |x: f32| u64::from(x.to_bits());
        let (mut slices, mut single) =
            (ExactSum::new(&Format::BINARY32), ExactSum::new(&Format::BINARY32));
        slices.add_slice(&a);
        slices.add_products(&a, &b);
        a.iter().for_each(|&x| single.add(code(x)));
        a.iter().zip(&b).for_each(|(&x, &y)| single.add_product(code(x), code(y)));
        for rounding in Rounding::DETERMINISTIC {
            let context = Context::new(rounding);
            prop_assert_eq!(slices.round(context), single.round(context));
        }
    }

    #[test]
    fn f64_slices_equal_single_terms(a in vec(any::<f64>(), 0..400)) {
        let (mut slice, mut single) =
            (ExactSum::new(&Format::BINARY64), ExactSum::new(&Format::BINARY64));
        slice.add_slice(&a);
        a.iter().for_each(|x| single.add(x.to_bits()));
        prop_assert_eq!(slice.round(EVEN), single.round(EVEN));
    }

    #[test]
    fn bounds_hold(values in vec(wild_f32(), 1..100), others in vec(wild_f32(), 100)) {
        let others = &others[..values.len()];
        let (sum, dot) = (sum_with_bound(&values), dot_with_bound(&values, others));
        prop_assert_eq!(sum.value, naive_sum(&values));
        let error = |value: f32, exact: Exact| {
            // value - exact, rounded up in binary64.
            let f = Format::BINARY64;
            let exact = f.round_exact(&exact, EVEN).code;
            (f64::from(value) - f64::from_bits(exact)).abs()
        };
        let mut exact = ExactSum::new(&Format::BINARY32);
        exact.add_slice(&values);
        prop_assert!(error(sum.value, exact.exact()) <= f64::from(sum.bound) * (1.0 + 1e-15));
        let mut exact = ExactSum::new(&Format::BINARY32);
        exact.add_products(&values, others);
        prop_assert!(error(dot.value, exact.exact()) <= f64::from(dot.bound) * (1.0 + 1e-15));
    }

    /// The a-priori bounds in the table of methods.
    #[test]
    fn methods_keep_their_bounds(values in vec(wild_f32(), 2..300)) {
        let (n, u) = (values.len() as f64, 2f64.powi(-24));
        let exact = f64::from_bits({
            let mut sum = ExactSum::new(&Format::BINARY32);
            sum.add_slice(&values);
            sum.round_to(&Format::BINARY64, EVEN).code
        });
        let magnitudes: f64 = values.iter().map(|x| f64::from(x.abs())).sum();
        for (method, bound) in [
            (Summation::Naive, n * u * magnitudes),
            (Summation::Pairwise, n.log2().ceil() * u * magnitudes),
            (Summation::Kahan, (2.0 * u + 4.0 * n * u * u) * magnitudes),
            (Summation::Neumaier, u * exact.abs() + n * n * u * u * magnitudes),
            (Summation::Klein, u * exact.abs() + 2.0 * n * n * u * u * u * magnitudes),
            (Summation::Exact, u * exact.abs()),
        ] {
            let error = (f64::from(method.of(&values)) - exact).abs();
            prop_assert!(error <= bound * 1.01, "{}: {} > {}", method, error, bound);
        }
    }

    /// In software by codes as in hardware.
    #[test]
    fn methods_agree_with_the_hardware(values in vec(wild_f32(), 0..40)) {
        let codes: Vec<u64> = values.iter().map(|x| x.to_bits().into()).collect();
        for method in Summation::ALL {
            let soft = method.of_codes(&Format::BINARY32, &codes, EVEN);
            prop_assert_eq!(f32::from_bits(soft as u32), method.of(&values), "{}", method);
        }
    }

    #[test]
    fn compensated_dots(pairs in vec((wild_f32(), wild_f32()), 1..50)) {
        let small = pairs.iter().map(|&(x, y)| (x * 1e-3, y));
        let (a, b): (Vec<f64>, Vec<f64>) =
            small.map(|(x, y)| (f64::from(x), f64::from(y))).unzip();
        let (n, u) = (a.len() as f64, f64::EPSILON / 2.0);
        let exact = exact_dot(&a, &b);
        let magnitudes: f64 = a.iter().zip(&b).map(|(x, y)| (x * y).abs()).sum();
        let error = (compensated_dot(&a, &b) - exact).abs();
        prop_assert!(error <= 2.0 * u * exact.abs() + 2.0 * n * n * u * u * magnitudes);
    }
}

/// Every format: all finite values and all their squares, against 128-bit integers.
#[test]
fn small_formats_against_integers() {
    let small = Format::NAMED.iter().chain(&Format::P3109_8BIT);
    for (name, f) in small.filter(|(_, f)| f.width() <= 8 && f.quantum_exponent() > -24) {
        let unit = 2 * f.quantum_exponent();
        let integer = |code: u64| match f.decode(code) {
            Value::Finite(n) => {
                let magnitude = i128::from(n.significand) << (n.exponent - f.quantum_exponent());
                if n.negative { -magnitude } else { magnitude }
            }
            _ => 0,
        };
        let mut sum = ExactSum::new(f);
        let mut total = 0i128;
        let codes: Vec<u64> = f.finite_values().collect();
        for (i, &code) in codes.iter().enumerate() {
            let other = codes[i * 7 % codes.len()];
            sum.add(code);
            sum.add_product(code, other);
            total += (integer(code) << -f.quantum_exponent()) + integer(code) * integer(other);
            let expected = match total {
                0 => continue,
                _ => Unrounded {
                    negative: total < 0,
                    significand: total.unsigned_abs(),
                    exponent: unit,
                    sticky: false,
                },
            };
            for rounding in Rounding::DETERMINISTIC {
                let context = Context::new(rounding);
                assert_eq!(sum.round(context), f.round_with(&expected, context), "{name}");
            }
        }
    }
}

#[test]
fn special_terms() {
    let f = Format::BINARY32;
    let total = |terms: &[f32]| {
        let mut slices = ExactSum::new(&f);
        slices.add_slice(terms);
        let rounded = slices.round(EVEN);
        let mut single = ExactSum::new(&f);
        terms.iter().for_each(|x| single.add(x.to_bits().into()));
        assert_eq!(single.round(EVEN), rounded, "{terms:?}");
        (f32::from_bits(rounded.code as u32), rounded.flags)
    };
    let infinity = f32::INFINITY;
    assert_eq!(total(&[]), (0.0, Flags::NONE));
    assert!(total(&[]).0.is_sign_positive());
    assert!(total(&[-0.0, -0.0]).0.is_sign_negative());
    assert!(total(&[-0.0, 0.0]).0.is_sign_positive());
    assert!(total(&[1.0, -1.0]).0.is_sign_positive());
    assert_eq!(total(&[infinity, 1.0]).0, infinity);
    assert_eq!(total(&[-infinity, 1.0, -infinity]).0, -infinity);
    let (sum, flags) = total(&[infinity, -infinity]);
    assert!(sum.is_nan() && flags == Flags::INVALID);
    assert!(total(&[1.0, f32::NAN, infinity]).0.is_nan());
    // Payloads do not tell the order.
    let nans = [f32::from_bits(0x7fc0_0001), f32::from_bits(0xffc0_0002)];
    let bits = |terms: &[f32]| total(terms).0.to_bits();
    assert_eq!(bits(&nans), bits(&[nans[1], nans[0]]));
    assert_eq!(total(&[f32::MAX, f32::MAX]).0, infinity);
    assert_eq!(total(&[f32::MAX, f32::MAX, -f32::MAX]).0, f32::MAX);
    let smallest = f32::from_bits(1);
    assert_eq!(total(&[1.0, smallest, -1.0]).0, smallest);

    let dot = |a: &[f32], b: &[f32]| exact_dot(a, b);
    assert!(dot(&[0.0], &[infinity]).is_nan());
    assert!(dot(&[-0.0, 1.0], &[1.0, -0.0]).is_sign_negative());
    assert_eq!(dot(&[smallest, 1.0], &[smallest, 0.0]), 0.0); // underflows when rounded
    let mut product = ExactSum::new(&f);
    product.add_products(&[smallest], &[smallest]);
    let wide = product.round_to(&Format::BINARY64, EVEN);
    assert_eq!(f64::from_bits(wide.code), 2f64.powi(-298));
}

/// More elements than a table takes before it is emptied, all of one sign and of the largest
/// significand.
#[test]
fn long_slices() {
    let n = 300_000;
    let x = f32::from_bits(0x3fff_ffff); // 2 - 2^-23
    let values = vec![x; n];
    let exact = n as f64 * f64::from(x);
    assert_eq!(f64::from(exact_sum(&values)), f64::from(exact as f32));
    let mut dot = ExactSum::new(&Format::BINARY32);
    dot.add_products(&values, &values);
    let square = n as f64 * (f64::from(x) * f64::from(x)); // 48 + 19 bits: rounds once
    let got = f64::from_bits(dot.round_to(&Format::BINARY64, EVEN).code);
    assert!((got - square).abs() <= square * f64::EPSILON);
    let doubles: Vec<f64> = values.iter().map(|&x| f64::from(x) * (1.0 + f64::EPSILON)).collect();
    let sum = exact_sum(&doubles);
    assert!((sum - naive_sum(&doubles)).abs() / sum < 1e-10);
    assert_eq!(sum, pairwise_sum(&doubles[..1 << 18]) + exact_sum(&doubles[1 << 18..]));
}

#[test]
fn condition_numbers() {
    assert!(condition_number::<f64>(&[]).is_nan());
    assert_eq!(condition_number(&[-3.0, -5.0]), 1.0);
    assert_eq!(condition_number(&[f64::MAX, f64::MAX, -f64::MAX]), 3.0);
    assert!(condition_number(&[f64::INFINITY, 1.0]).is_nan());
    assert_eq!(condition_number(&[1.0f32, -0.999_999_94]), 33_554_431.0);
}

#[test]
#[should_panic(expected = "a sum of binary64 cannot take a sum of binary32")]
fn sums_of_different_formats_do_not_merge() {
    ExactSum::new(&Format::BINARY64).merge(&ExactSum::new(&Format::BINARY32));
}

#[test]
#[should_panic(expected = "dot product of 2 and 3 elements")]
fn dots_need_equal_lengths() {
    exact_dot(&[1.0, 2.0], &[1.0, 2.0, 3.0]);
}
