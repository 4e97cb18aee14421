//! The classical methods, each written once for every format.

use super::arithmetic::{Arithmetic, Hardware, Software};
use super::{ExactSum, Native, exact_sum};
use crate::{Context, Format};
use core::fmt;

/// A method of summation.
///
/// # Examples
/// ```
/// use fpbits::{Context, Format, Summation};
/// let values = [1e100, 1.0, -1e100];
/// let sums = Summation::ALL.map(|method| method.of(&values));
/// assert_eq!(sums, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
///
/// // In eight bits: 16 and then a hundred times 0.5, too small to move it one at a time.
/// let f = Format::E4M3FN;
/// let (half, sixteen) = (f.parse("0.5").unwrap(), f.parse("16").unwrap());
/// let codes: Vec<u64> = core::iter::once(sixteen).chain([half; 100]).collect();
/// let sum = |method: Summation| f.to_shortest(method.of_codes(&f, &codes, Context::NEAREST_EVEN));
/// assert_eq!(sum(Summation::Naive), "16");
/// assert_eq!(sum(Summation::Kahan), "64");
/// assert_eq!(sum(Summation::Exact), "64"); // 66 lies between 64 and 72
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Summation {
    /// [`naive_sum`]
    Naive,
    /// [`pairwise_sum`]
    Pairwise,
    /// [`kahan_sum`]
    Kahan,
    /// [`neumaier_sum`]
    Neumaier,
    /// [`klein_sum`]
    Klein,
    /// [`exact_sum`]
    Exact,
}

impl Summation {
    /// Every method, the plainest first.
    pub const ALL: [Summation; 6] = [
        Summation::Naive,
        Summation::Pairwise,
        Summation::Kahan,
        Summation::Neumaier,
        Summation::Klein,
        Summation::Exact,
    ];

    /// The sum of the values by this method.
    pub fn of<F: Native>(self, values: &[F]) -> F {
        match self {
            Summation::Exact => exact_sum(values),
            method => method.classical(&Hardware::new(), values),
        }
    }

    /// The sum of the values of some codes of a format by this method, each operation rounded in
    /// the context.
    pub fn of_codes(self, format: &Format, codes: &[u64], context: Context) -> u64 {
        match self {
            Summation::Exact => {
                let mut sum = ExactSum::new(format);
                codes.iter().for_each(|&code| sum.add(code));
                sum.round(context).code
            }
            method => method.classical(&Software { format, context }, codes),
        }
    }

    fn classical<A: Arithmetic>(self, arithmetic: &A, values: &[A::Number]) -> A::Number {
        match self {
            Summation::Naive | Summation::Exact => naive(arithmetic, values),
            Summation::Pairwise => pairwise(arithmetic, values),
            Summation::Kahan => kahan(arithmetic, values),
            Summation::Neumaier => neumaier(arithmetic, values),
            Summation::Klein => klein(arithmetic, values),
        }
    }
}

impl fmt::Display for Summation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Summation::Naive => "naive",
            Summation::Pairwise => "pairwise",
            Summation::Kahan => "Kahan",
            Summation::Neumaier => "Neumaier",
            Summation::Klein => "Klein",
            Summation::Exact => "exact",
        })
    }
}

/// One value after the other.
///
/// # Accuracy
/// |error| <= (n - 1) u x sum of |x|, to first order.
///
/// # Examples
/// ```
/// // Ten times 0.1, each addition rounded.
/// assert_eq!(fpbits::naive_sum(&[0.1; 10]), 0.9999999999999999);
/// ```
pub fn naive_sum<F: Native>(values: &[F]) -> F {
    naive(&Hardware::new(), values)
}

fn naive<A: Arithmetic>(a: &A, values: &[A::Number]) -> A::Number {
    values.iter().fold(a.zero(), |sum, &x| a.add(sum, x))
}

/// Halves first: the sum of the sums of both halves.
///
/// # Accuracy
/// |error| <= ceil(log2 n) u x sum of |x|, to first order (Higham, Accuracy and Stability of
/// Numerical Algorithms, 4.2).
///
/// # Examples
/// ```
/// let values = vec![0.1f32; 1 << 20];
/// let exact = 104857.6;
/// assert!((fpbits::naive_sum(&values) - exact).abs() > 500.0);
/// assert!((fpbits::pairwise_sum(&values) - exact).abs() < 0.01);
/// ```
pub fn pairwise_sum<F: Native>(values: &[F]) -> F {
    pairwise(&Hardware::new(), values)
}

fn pairwise<A: Arithmetic>(a: &A, values: &[A::Number]) -> A::Number {
    match values {
        [] => a.zero(),
        &[x] => x,
        _ => {
            let (left, right) = values.split_at(values.len() / 2);
            a.add(pairwise(a, left), pairwise(a, right))
        }
    }
}

/// Compensated: the error of each addition goes into the next
/// ([Kahan, 1965](https://doi.org/10.1145/363707.363723)). Fails where an addend is larger than the
/// sum so far.
///
/// # Accuracy
/// |error| <= (2 u + O(n u^2)) x sum of |x|.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::kahan_sum(&[0.1; 10]), 1.0);
/// ```
pub fn kahan_sum<F: Native>(values: &[F]) -> F {
    kahan(&Hardware::new(), values)
}

fn kahan<A: Arithmetic>(a: &A, values: &[A::Number]) -> A::Number {
    let (mut sum, mut lost) = (a.zero(), a.zero());
    for &x in values {
        let corrected = a.subtract(x, lost);
        let next = a.add(sum, corrected);
        lost = a.subtract(a.subtract(next, sum), corrected);
        sum = next;
    }
    sum
}

/// Compensated, whichever is larger, and corrected once at the end
/// ([Neumaier, 1974](https://doi.org/10.1002/zamm.19740540106)).
///
/// # Accuracy
/// |error| <= u x |sum| + O(n u^2) x sum of |x|.
///
/// # Examples
/// ```
/// let values = [1.0, 1e100, 1.0, -1e100];
/// assert_eq!(fpbits::kahan_sum(&values), 0.0);
/// assert_eq!(fpbits::neumaier_sum(&values), 2.0);
/// ```
pub fn neumaier_sum<F: Native>(values: &[F]) -> F {
    neumaier(&Hardware::new(), values)
}

/// a + b and its error, by the larger one.
fn ordered_two_sum<A: Arithmetic>(a: &A, x: A::Number, y: A::Number) -> (A::Number, A::Number) {
    let sum = a.add(x, y);
    let (large, small) = if a.is_larger(x, y) { (x, y) } else { (y, x) };
    (sum, a.add(a.subtract(large, sum), small))
}

fn neumaier<A: Arithmetic>(a: &A, values: &[A::Number]) -> A::Number {
    let (mut sum, mut correction) = (a.zero(), a.zero());
    for &x in values {
        let (next, error) = ordered_two_sum(a, sum, x);
        sum = next;
        correction = a.add(correction, error);
    }
    a.add(sum, correction)
}

/// Neumaier's method with the correction compensated, too
/// ([Klein, 2006](https://doi.org/10.1007/s00607-005-0139-x), second order).
///
/// # Accuracy
/// |error| <= u x |sum| + O(n^2 u^3) x sum of |x|.
///
/// # Examples
/// ```
/// // The correction of Neumaier's method loses the 1, Klein's does not.
/// let values = [1e200, 1e100, 1.0, -1e100, -1e200];
/// assert_eq!(fpbits::neumaier_sum(&values), 0.0);
/// assert_eq!(fpbits::klein_sum(&values), 1.0);
/// ```
pub fn klein_sum<F: Native>(values: &[F]) -> F {
    klein(&Hardware::new(), values)
}

fn klein<A: Arithmetic>(a: &A, values: &[A::Number]) -> A::Number {
    let (mut sum, mut first, mut second) = (a.zero(), a.zero(), a.zero());
    for &x in values {
        let (next, error) = a.two_sum(sum, x);
        sum = next;
        let (next, error) = a.two_sum(first, error);
        first = next;
        second = a.add(second, error);
    }
    a.add(sum, a.add(first, second))
}
