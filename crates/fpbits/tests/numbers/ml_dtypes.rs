//! Every conversion of ml_dtypes (`ml_dtypes/goldens.py` writes what it gives, and says how to read
//! it). Where it has another policy, the test names it.

use fpbits::*;

const GOLDENS: &str = include_str!("ml_dtypes/conversions.txt");

fn lines() -> impl Iterator<Item = Vec<&'static str>> {
    GOLDENS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect())
}

fn hexadecimal(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap()
}

fn format(name: &str) -> Format {
    name.parse().unwrap()
}

/// Compares a conversion with ml_dtypes's, and its three known deviations with what explains them.
fn check(from: &Format, to: &Format, code: u64, theirs: u64) {
    let ours = from.convert(code, to);
    if ours == theirs || to.is_nan(ours) && to.is_nan(theirs) {
        return;
    }
    let explained = if from.is_nan(code) && to.nan().is_none() {
        // A format without NaN: negative zero here, and there for NaN with a sign bit of 0.
        code >> (from.width() - 1) == 1 && ours == to.negate(0) && theirs == 0
    } else if *from == Format::BINARY64 && *to != Format::BINARY16 {
        // binary64 is rounded twice, to binary32 first.
        return check(&Format::BINARY32, to, from.convert(code, &Format::BINARY32), theirs);
    } else if *to == Format::E8M0 {
        // From below binary32's normal range everything goes up to it: 2^-126.
        (ours, theirs) == (0, 1)
    } else {
        false
    };
    assert!(explained, "{code:#x} from {from} to {to}: {ours:#x}, theirs {theirs:#x}");
}

/// The runs of a line: first source code, result.
fn runs(words: &[&str]) -> Vec<(u64, u64)> {
    let pair = |word: &&str| word.split_once(':').map(|(a, b)| (hexadecimal(a), hexadecimal(b)));
    words.iter().map(|word| pair(word).unwrap()).collect()
}

/// Both ends of every run, its second code (the smallest negative number, behind a zero) and its middle:
/// conversions are monotone between the ends.
#[test]
fn conversions_between_formats() {
    let mut checked = 0;
    for words in lines().filter(|words| words[0] != "TIES" && words[0] != "integer") {
        let (from, to) = (format(words[0]), format(words[1]));
        let (runs, end) = (runs(&words[2..]), 1u64 << from.width());
        for (i, &(first, result)) in runs.iter().enumerate() {
            let last = runs.get(i + 1).map_or(end, |(next, _)| *next) - 1;
            for code in [first, last.min(first + 1), first.midpoint(last), last] {
                check(&from, &to, code, result);
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
}

#[test]
fn conversions_from_integers() {
    for words in lines().filter(|words| words[0] == "integer") {
        let to = format(words[1]);
        let integer = |text: &str| i128::from_str_radix(text, 16).unwrap();
        let runs: Vec<(i128, u64)> = words[2..]
            .iter()
            .map(|word| word.split_once(':').unwrap())
            .map(|(a, b)| (integer(a), hexadecimal(b)))
            .collect();
        for (i, &(first, result)) in runs.iter().enumerate() {
            let last = runs.get(i + 1).map_or(70_001, |(next, _)| *next) - 1;
            for integer in [first, last] {
                let ours = to.from_integer(integer, Context::NEAREST_EVEN).code;
                assert_eq!(ours, result, "{integer} to {to}");
            }
        }
    }
}

/// What lies just below the middle of two neighbours, on it and just above it.
#[test]
fn conversions_at_ties() {
    for words in lines().filter(|words| words[0] == "TIES") {
        let step: usize = words[1].parse().unwrap();
        let (from, to) = (format(words[2]), format(words[3]));
        let value = |code| f64::from_bits(to.convert(code, &Format::BINARY64));
        let mut values: Vec<f64> = to.finite_values().map(value).collect();
        values.dedup();
        let results = words[4..].as_chunks::<3>().0;
        let pairs: Vec<&[f64]> = values.windows(2).step_by(step).collect();
        assert_eq!(pairs.len(), results.len(), "{from} {to}");
        for (pair, results) in pairs.into_iter().zip(results) {
            let middle = from.encode(&Value::of_f64(pair[0] / 2.0 + pair[1] / 2.0));
            let near = [from.next_down(middle), Some(middle), from.next_up(middle)];
            for (code, result) in near.into_iter().zip(results) {
                check(&from, &to, code.unwrap(), hexadecimal(result));
            }
        }
    }
}
