//! The one place where a neighbour is chosen.

use super::Rounding;

/// What lies below the last bit that is kept: the first bit, the second, and whether anything
/// follows. Textbooks call them guard, round and sticky.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Discarded {
    /// The first discarded bit: one half of the last place.
    pub guard: bool,
    /// The second: one quarter.
    pub round: bool,
    /// Whether anything but zeros follows.
    pub sticky: bool,
    /// The discarded part in units of 2^-bits of the last place, rounded to nearest even, for
    /// stochastic rounding with that many bits; 0 for other directions.
    pub(crate) fraction: u64,
}

impl Discarded {
    /// Whether nothing is discarded.
    pub const fn is_zero(self) -> bool {
        !self.guard && !self.round && !self.sticky
    }

    /// Whether exactly half of the last place is discarded.
    pub const fn is_half(self) -> bool {
        self.guard && !self.round && !self.sticky
    }

    /// Whether the larger magnitude is chosen, for a number of this sign whose kept part is odd or
    /// not.
    pub(crate) const fn away_from_zero(
        self,
        rounding: Rounding,
        negative: bool,
        odd: bool,
    ) -> bool {
        match rounding {
            Rounding::NearestEven => self.guard && (self.round || self.sticky || odd),
            Rounding::NearestAway => self.guard,
            Rounding::TowardZero => false,
            Rounding::Up => !negative && !self.is_zero(),
            Rounding::Down => negative && !self.is_zero(),
            Rounding::ToOdd => !odd && !self.is_zero(),
            Rounding::Stochastic { bits, random } => self.fraction + random as u64 >= 1 << bits,
        }
    }
}

/// `significand` / 2^shift (+ something below one unit if `sticky`): the whole part, and what is
/// discarded.
pub(crate) const fn split(
    significand: u128,
    shift: i64,
    sticky: bool,
    rounding: Rounding,
) -> (u128, Discarded) {
    if shift <= 0 {
        // The significand has no more bits than are kept: nothing to discard.
        debug_assert!(!sticky, "too few bits to round by");
        return (significand << -shift, nothing_but(sticky));
    }
    let kept = shift_right(significand, shift);
    let guard = shift_right(significand, shift - 1) & 1 == 1;
    let round = shift >= 2 && shift_right(significand, shift - 2) & 1 == 1;
    let rest = sticky || shift >= 3 && has_bits_below(significand, shift - 2);
    let fraction = match rounding {
        Rounding::Stochastic { bits, .. } => {
            let whole = if shift >= 128 { 0 } else { kept << shift };
            fraction(significand - whole, shift, sticky, bits)
        }
        _ => 0,
    };
    (kept, Discarded { guard, round, sticky: rest, fraction })
}

const fn nothing_but(sticky: bool) -> Discarded {
    Discarded { guard: false, round: false, sticky, fraction: 0 }
}

/// `discarded` / 2^shift in units of 2^-bits, rounded to nearest, ties to even.
const fn fraction(discarded: u128, shift: i64, sticky: bool, bits: u32) -> u64 {
    let cut = shift - bits as i64;
    if cut <= 0 {
        return (discarded << -cut) as u64;
    }
    let kept = shift_right(discarded, cut) as u64;
    let half = shift_right(discarded, cut - 1) & 1 == 1;
    let rest = sticky || has_bits_below(discarded, cut - 1);
    kept + (half && (rest || kept & 1 == 1)) as u64
}

/// x / 2^shift, rounded down, for any shift from 0.
const fn shift_right(x: u128, shift: i64) -> u128 {
    if shift >= 128 { 0 } else { x >> shift }
}

/// Whether any of the lowest `count` bits is set.
const fn has_bits_below(x: u128, count: i64) -> bool {
    x != 0 && (x.trailing_zeros() as i64) < count
}
