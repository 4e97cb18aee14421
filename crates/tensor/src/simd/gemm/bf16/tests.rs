use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

use super::*;
use crate::Philox;
use crate::simd::out;

/// What the units make of subnormal numbers.
fn flushed(x: f32) -> f32 {
    if x.is_subnormal() { 0.0_f32.copysign(x) } else { x }
}

fn fma(a: f32, b: f32, c: f32) -> f32 {
    flushed(a.mul_add(b, c))
}

/// The definition of each unit's sum, of pairs (a, b) along K.
fn sum(unit: Option<Bf16Unit>, terms: &[(f32, f32)]) -> f32 {
    let flush = |&(a, b): &(f32, f32)| (flushed(a), flushed(b));
    let units: Vec<_> = terms.iter().map(flush).collect();
    let chain = |from: f32, terms: &[(f32, f32)], every: usize| {
        terms.iter().step_by(every).fold(from, |s, &(a, b)| fma(a, b, s))
    };
    match unit.map(Bf16Unit::name) {
        Some("amx") => units.chunks(32).fold(0.0, |s, block| {
            let (even, odd) = (chain(0.0, block, 2), chain(0.0, &block[1..], 2));
            flushed(s + flushed(even + odd))
        }),
        Some(_) => units.chunks(2).fold(0.0, |s, pair| {
            let second = pair.get(1).map_or(s, |&(a, b)| fma(a, b, s));
            fma(pair[0].0, pair[0].1, second)
        }),
        None => {
            let block =
                |terms: &[(f32, f32)]| terms.iter().fold(0.0_f32, |s, &(a, b)| a.mul_add(b, s));
            terms.chunks(256).map(block).reduce(|c, s| c + s).unwrap_or(0.0)
        }
    }
}

fn naive<A: Source, B: Source>(
    unit: Option<Bf16Unit>,
    a: &ArrayView2<'_, A>,
    b: &ArrayView2<'_, B>,
) -> Array2<f32> {
    let value = |code: u16| fpbits::bf16_to_f32(code);
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        let pairs = a.row(i).into_iter().zip(b.column(j));
        let terms: Vec<_> = pairs.map(|(a, b)| (value(a.code()), value(b.code()))).collect();
        sum(unit, &terms)
    })
}

fn units() -> Vec<Option<Bf16Unit>> {
    let all = Bf16Unit::available().into_iter().map(Some);
    [None].into_iter().chain(all).collect()
}

fn found<A: Source, B: Source>(
    unit: Option<Bf16Unit>,
    a: ArrayView2<'_, A>,
    b: ArrayView2<'_, B>,
) -> Vec<u32> {
    let len = a.nrows() * b.ncols();
    let product =
        out::fresh(len, |memory| write_on(unit, Matrix::new(&a), Matrix::new(&b), memory));
    product.into_iter().map(f32::to_bits).collect()
}

fn bits(x: &Array2<f32>) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn random(rows: usize, columns: usize, stream: u64) -> Array2<f32> {
    let random = Philox::new(1, stream);
    Array2::from_shape_fn((rows, columns), |(i, j)| random.normal((i * columns + j) as u64))
}

/// Every unit, every layout of the operands, rounded before and while packing: the definition's bits.
fn check(m: usize, n: usize, k: usize) {
    let (a, b) = (random(m, k, 0), random(k, n, 1));
    let (at, bt) =
        (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
    let mut wide = Array2::from_elem((2 * m, 3 * k), f32::NAN);
    wide.slice_mut(s![..;-2, ..;3]).assign(&a);
    let strided = wide.slice(s![..;-2, ..;3]);
    let (a_codes, b_codes) = (a.mapv(f32::code), b.mapv(f32::code));
    for unit in units() {
        let expected = bits(&naive(unit, &a.view(), &b.view()));
        for a in [a.view(), at.t(), strided] {
            for b in [b.view(), bt.t()] {
                assert_eq!(found(unit, a, b), expected, "{unit:?}, {m} x {k} by {k} x {n}");
            }
        }
        assert_eq!(found(unit, a_codes.view(), b_codes.view()), expected);
        assert_eq!(found(unit, a_codes.view(), b.view()), expected);
    }
}

#[test]
fn products_follow_the_units_definitions() {
    for (m, n, k) in [
        (1, 1, 1),
        (1, 40, 3),
        (40, 1, 300),
        (16, 16, 32),
        (32, 32, 64),
        (33, 31, 65),
        (64, 96, 31),
        (70, 130, 600),
        (0, 3, 4),
        (3, 0, 4),
        (3, 4, 0),
    ] {
        check(m, n, k);
    }
}

#[test]
fn threads_change_no_bit() {
    let (a, b) = (random(200, 300, 0), random(300, 150, 1));
    for unit in units() {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| found(unit, a.view(), b.view()))
        };
        let expected = bits(&naive(unit, &a.view(), &b.view()));
        for threads in [1, 2, 5] {
            assert_eq!(on(threads), expected, "{unit:?}, {threads} threads");
        }
    }
}

/// Codes of all kinds: subnormal numbers and small ones whose products are subnormal, zeros of both signs.
#[test]
fn subnormal_numbers_are_zero_on_the_units() {
    let random = Philox::new(2, 0);
    let codes = |rows: usize, columns: usize, stream: u64| {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let at = stream * 100_000 + (i * columns + j) as u64;
            let u: f64 = random.uniform(at);
            // Exponents 0 to 127: below 2, half of them far below.
            ((u * 65536.0) as u16) & 0xbfff
        })
    };
    let (a, b) = (codes(33, 70, 0), codes(70, 20, 1));
    for unit in units() {
        assert_eq!(found(unit, a.view(), b.view()), bits(&naive(unit, &a.view(), &b.view())));
    }
}

#[test]
fn infinity_and_nan_stay_in_their_rows_and_columns() {
    let (mut a, b) = (random(20, 40, 0), random(40, 18, 1));
    a[[3, 5]] = f32::INFINITY;
    a[[7, 39]] = f32::NAN;
    for unit in units() {
        let product = found(unit, a.view(), b.view());
        for (at, x) in product.into_iter().map(f32::from_bits).enumerate() {
            match at / 18 {
                3 => assert_eq!(x, f32::INFINITY.copysign(b[[5, at % 18]])),
                7 => assert!(x.is_nan()),
                _ => assert!(x.is_finite()),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn any_shape(m in 1usize..70, n in 1usize..70, k in 1usize..130) {
        check(m, n, k);
    }
}
