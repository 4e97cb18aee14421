//! The search: every tuple of operands, or a sample of them.

use super::calculator::Calculator;
use super::law::{Identity, Sides};
use crate::rounding::StochasticRounding;
use crate::{Context, Format};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// What to search.
///
/// # Examples
/// ```
/// use fpbits::{Format, Identity, Search};
/// let f = Format::E4M3FN;
/// let report = Search::new(&f, Identity::Associativity).run();
/// assert!(report.exhaustive);
/// assert_eq!(report.tried, 253 * 253 * 253); // every triple of finite values
/// let smallest = report.smallest.unwrap();
/// let [a, b, c] = [0, 1, 2].map(|i| f.to_shortest(smallest.operands[i]));
/// println!("({a} + {b}) + {c} is not {a} + ({b} + {c})");
///
/// // Subtraction tells numbers apart, because there are subnormal numbers.
/// assert_eq!(Search::new(&f, Identity::Difference).run().failed, 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Search {
    format: Format,
    identity: Identity,
    context: Context,
    samples: u64,
    seed: u64,
    magnitudes: Option<(u64, u64)>,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether every tuple of finite operands was tried.
    pub exhaustive: bool,
    /// How many tuples were tried, those at which the identity says nothing left out.
    pub tried: u64,
    /// At how many the sides differ.
    pub failed: u64,
    /// At how many of those a side is infinite or NaN.
    pub not_finite: u64,
    /// The failure with the smallest operands: by the largest magnitude, then by the sum of
    /// magnitudes, then by how many are below zero.
    pub smallest: Option<Counterexample>,
    /// The failure with finite sides that are farthest apart in ulps; of equally far ones the
    /// smallest. If there is none, one whose sides are not finite.
    pub worst: Option<Counterexample>,
}

/// Operands at which the sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The codes of the operands, as many as the identity has.
    pub operands: [u64; 3],
    /// The left side's code.
    pub left: u64,
    /// The right side's code.
    pub right: u64,
    /// How many steps to the neighbour lead from one side to the other; `u64::MAX` if one is NaN.
    pub ulps: u64,
}

/// As many tuples are tried without sampling.
const EXHAUSTIBLE: u128 = 1 << 26;

impl Search {
    /// A search over a format to nearest even: exhaustive up to 2^26 tuples (every identity on 8
    /// bits), else a million samples.
    pub fn new(format: &Format, identity: Identity) -> Search {
        Search {
            format: *format,
            identity,
            context: Context::NEAREST_EVEN,
            samples: 1_000_000,
            seed: 0,
            magnitudes: None,
        }
    }

    /// Rounds in another context.
    pub fn context(self, context: Context) -> Search {
        Search { context, ..self }
    }

    /// How many samples to take where there are too many tuples, and the seed they are drawn by.
    pub fn samples(self, samples: u64, seed: u64) -> Search {
        Search { samples, seed, ..self }
    }

    /// Tries only operands whose magnitudes lie between those of two codes, whichever is the smaller,
    /// both included. Samples
    /// are uniform over codes, so that without this, most operands of a wide format are far apart.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Identity, Search};
    /// let f = Format::BINARY64;
    /// let (one, two) = (f.parse("1").unwrap(), f.parse("2").unwrap());
    /// let everywhere = Search::new(&f, Identity::Division).samples(10_000, 1);
    /// let report = everywhere.magnitudes(one, two).run();
    /// assert!(!report.exhaustive && report.tried == 10_000);
    /// assert!(report.failed > 500 && report.worst.unwrap().ulps == 1);
    /// ```
    pub fn magnitudes(self, least: u64, most: u64) -> Search {
        Search { magnitudes: Some((least, most)), ..self }
    }

    /// Searches.
    pub fn run(&self) -> Report {
        let calculator = Calculator::new(&self.format, self.context);
        let mut findings = Findings::new(&self.format);
        let (first, last) = self.ordinals();
        let count = (last - first + 1) as u128 * if self.format.layout().sign { 2 } else { 1 };
        let operands = self.identity.operands();
        let exhaustive = count.checked_pow(operands as u32).is_some_and(|n| n <= EXHAUSTIBLE);
        let mut try_one = |codes: [u64; 3]| {
            if let Some(sides) = self.identity.sides(&calculator, codes) {
                findings.add(codes, &sides);
            }
        };
        if exhaustive {
            let codes = self.codes(first, last);
            for &a in &codes {
                for &b in if operands > 1 { &codes[..] } else { &[0] } {
                    for &c in if operands > 2 { &codes[..] } else { &[0] } {
                        try_one([a, b, c]);
                    }
                }
            }
        } else {
            let random = StochasticRounding::new(self.seed, 1, 0);
            for sample in 0..self.samples {
                let draw = |i| self.drawn(random.bits_at(4 * sample + i), first, last);
                try_one([draw(0), draw(1), draw(2)]);
            }
        }
        findings.report(exhaustive)
    }

    /// The positions of the smallest and the largest magnitude.
    fn ordinals(&self) -> (i128, i128) {
        let position = |code| self.format.ordinal(self.format.abs(code)).unwrap_or(0);
        let last = position(self.format.max_finite());
        match self.magnitudes {
            None => (0, last),
            Some((one, other)) => {
                let (one, other) = (position(one).min(last), position(other).min(last));
                (one.min(other), one.max(other))
            }
        }
    }

    fn codes(&self, first: i128, last: i128) -> Vec<u64> {
        let all = self.format.finite_values();
        let within = |code: &u64| {
            let ordinal = self.format.ordinal(self.format.abs(*code)).unwrap_or(-1);
            (first..=last).contains(&ordinal)
        };
        all.filter(within).collect()
    }

    fn drawn(&self, random: u64, first: i128, last: i128) -> u64 {
        // A multiplication takes 64 random bits to the range.
        let span = (last - first + 1) as u128;
        let ordinal = first + ((u128::from(random >> 1) * span) >> 63) as i128;
        let code = self.format.from_ordinal(ordinal).unwrap_or(0);
        if random & 1 == 1 && self.format.layout().sign { self.format.negate(code) } else { code }
    }
}

/// The largest magnitude among some operands, the sum of their magnitudes, and how many are below
/// zero.
type Size = (u128, u128, usize);

/// What was found so far.
struct Findings {
    format: Format,
    tried: u64,
    failed: u64,
    not_finite: u64,
    smallest: Option<(Size, Counterexample)>,
    worst: Option<(u64, Size, Counterexample)>,
    not_finite_example: Option<Counterexample>,
}

impl Findings {
    fn new(format: &Format) -> Findings {
        Findings {
            format: *format,
            tried: 0,
            failed: 0,
            not_finite: 0,
            smallest: None,
            worst: None,
            not_finite_example: None,
        }
    }

    fn add(&mut self, operands: [u64; 3], sides: &Sides) {
        self.tried += 1;
        let both_nan = || self.format.is_nan(sides.left) && self.format.is_nan(sides.right);
        let equal = || self.format.compare(sides.left, sides.right) == Some(Ordering::Equal);
        // Two codes of zero are equal, and two results that are no numbers agree, too.
        if sides.left == sides.right || equal() || both_nan() {
            return;
        }
        self.failed += 1;
        let Sides { left, right } = *sides;
        let ulps = self.format.ulp_distance(left, right);
        let found = Counterexample { operands, left, right, ulps };
        let size = self.size(operands);
        if self.smallest.is_none_or(|(smallest, _)| size < smallest) {
            self.smallest = Some((size, found));
        }
        let worse = |(most, smallest, _)| ulps > most || ulps == most && size < smallest;
        if !self.is_finite(left) || !self.is_finite(right) {
            self.not_finite += 1;
            self.not_finite_example.get_or_insert(found);
        } else if self.worst.is_none_or(worse) {
            self.worst = Some((ulps, size, found));
        }
    }

    fn size(&self, operands: [u64; 3]) -> Size {
        let ordinals = operands.map(|code| self.format.ordinal(code).unwrap_or(0));
        let magnitudes = ordinals.map(i128::unsigned_abs);
        let below_zero = ordinals.iter().filter(|ordinal| **ordinal < 0).count();
        (magnitudes.into_iter().max().unwrap_or(0), magnitudes.into_iter().sum(), below_zero)
    }

    fn is_finite(&self, code: u64) -> bool {
        self.format.ulp(code).is_some()
    }

    fn report(self, exhaustive: bool) -> Report {
        Report {
            exhaustive,
            tried: self.tried,
            failed: self.failed,
            not_finite: self.not_finite,
            smallest: self.smallest.map(|(_, found)| found),
            worst: self.worst.map(|(_, _, found)| found).or(self.not_finite_example),
        }
    }
}
