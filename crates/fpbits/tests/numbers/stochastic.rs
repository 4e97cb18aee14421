//! Stochastic rounding: its frequencies in every binade, and its expectation.

use fpbits::*;

/// Draws for each number.
const DRAWS: u64 = 1 << 12;

/// Eight numbers between two neighbours in each place of a binade: an eighth of the way from one to
/// the other, two eighths, ..., and how often each goes to the upper one. Pearson's statistic with 8
/// degrees of freedom: above 37.3 in one of 100,000 cases, and the draws are always the same.
fn chi_square(f: &Format, code: u64, stream: u64) -> f64 {
    let (Value::Finite(low), upper) = (f.decode(code), f.next_up(code).unwrap()) else {
        panic!("{code:#x} in {f} is not a number")
    };
    let ulp = f.ulp(code).unwrap();
    let random = StochasticRounding::new(7, stream, 16);
    let mut statistic = 0.0;
    for part in 0..8u64 {
        // Sixteenths, odd: (2 part + 1) / 16 of the way.
        let scale = low.exponent - ulp.exponent;
        let significand = ((u128::from(low.significand) << scale) << 4) + u128::from(2 * part + 1);
        let exponent = ulp.exponent - 4;
        let exact = Unrounded { negative: false, significand, exponent, sticky: false };
        let mut ups = 0;
        for draw in 0..DRAWS {
            let context = random.context(part * DRAWS + draw);
            let rounded = f.round_with(&exact, context);
            assert!(rounded.code == code || rounded.code == upper, "{code:#x} {f}");
            ups += u64::from(rounded.code == upper);
        }
        let probability = (2 * part + 1) as f64 / 16.0;
        let expected = probability * DRAWS as f64;
        let deviation = ups as f64 - expected;
        statistic += deviation * deviation / (expected * (1.0 - probability));
    }
    statistic
}

/// The subnormal numbers and each binade, at a code in its middle.
#[test]
fn chi_square_in_every_binade() {
    let mut tested = 0;
    for name in ["e2m1", "e4m3fn", "e5m2", "binary8p3se", "binary16", "bfloat16", "binary32"] {
        let f: Format = name.parse().unwrap();
        let m = f.layout().fraction_bits;
        let mut total = 0.0;
        let binades = f.max_finite() >> m;
        for binade in 0..=binades {
            // Neither zero nor the last number, which has no neighbour above.
            let code = (binade << m) + (1 << m) / 3;
            let code = code.clamp(1, f.max_finite() - 1);
            let statistic = chi_square(&f, code, binade);
            assert!(statistic < 37.3, "{f}, binade {binade}: {statistic}");
            (total, tested) = (total + statistic, tested + 1);
        }
        // The mean of so many statistics with 8 degrees of freedom is 8, with a deviation of 4 / sqrt n.
        let count = (binades + 1) as f64;
        assert!((total / count - 8.0).abs() < 5.0 * 4.0 / count.sqrt(), "{f}: {}", total / count);
    }
    assert!(tested > 500, "{tested} binades");
}

/// With every random number once, the mean is the number itself: E[SR(x)] = x.
#[test]
fn the_expectation_is_the_number() {
    for name in ["e2m1", "e3m4", "e4m3fn", "e5m2", "bfloat16"] {
        let f: Format = name.parse().unwrap();
        let bits = 6;
        let codes: Vec<u64> = f.finite_values().collect();
        let (pairs, stride) = (codes.windows(2), (codes.len() / 512).max(1));
        for pair in pairs.step_by(stride) {
            let value = |code| f64::from_bits(f.convert(code, &Format::BINARY64));
            let (low, high) = (value(pair[0]), value(pair[1]));
            for part in 0..1 << bits {
                let x = low + (high - low) * f64::from(part) / f64::from(1 << bits);
                let mean = (0..1 << bits)
                    .map(|random| {
                        let context = Context::new(Rounding::Stochastic { bits, random });
                        value(f.encode_with(&Value::of_f64(x), context).code)
                    })
                    .sum::<f64>()
                    / f64::from(1 << bits);
                assert_eq!(mean, x, "{f} {x}");
            }
        }
    }
}
