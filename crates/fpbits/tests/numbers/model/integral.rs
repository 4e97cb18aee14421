//! A number rounded to an integer, by its definition.

use fpbits::Rounding;

/// The magnitude of (-1)^negative x significand x 2^exponent as an integer, and whether it is another
/// number. It must be less than 2^128.
pub(crate) fn integral(
    negative: bool,
    significand: u64,
    exponent: i32,
    rounding: Rounding,
) -> (u128, bool) {
    let significand = u128::from(significand);
    if exponent >= 0 {
        return (significand << exponent, false);
    }
    // Below 2^-66 of it there is no difference to 2^-66.
    let shift = exponent.unsigned_abs();
    let (whole, rest, unit) = match shift {
        ..=100 => (significand >> shift, significand & ((1 << shift) - 1), 1u128 << shift),
        _ => (0, 1, 1 << 100),
    };
    if rest == 0 {
        return (whole, false);
    }
    let up = match rounding {
        Rounding::NearestEven => 2 * rest > unit || 2 * rest == unit && whole % 2 == 1,
        Rounding::NearestAway => 2 * rest >= unit,
        Rounding::TowardZero => false,
        Rounding::Up => !negative,
        Rounding::Down => negative,
        Rounding::ToOdd => whole % 2 == 0,
        Rounding::Stochastic { bits: 3, random } => {
            let (eighths, left) = (8 * rest / unit, 8 * rest % unit);
            let nearest = 2 * left > unit || 2 * left == unit && eighths % 2 == 1;
            eighths + u128::from(nearest) + u128::from(random) >= 8
        }
        Rounding::Stochastic { .. } => unreachable!("three bits are modelled"),
    };
    (whole + u128::from(up), true)
}
