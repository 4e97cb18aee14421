//! Natural numbers of 640 bits: enough for a product of any two numbers of a format of 16 bits or
//! less and a third one added to it, in units far below the smallest.

use std::cmp::Ordering;

const LIMBS: usize = 10;

/// Limbs of 64 bits, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fixed([u64; LIMBS]);

impl Fixed {
    pub(crate) const ZERO: Fixed = Fixed([0; LIMBS]);

    /// x 2^shift
    pub(crate) fn new(x: u128, shift: u32) -> Fixed {
        let (limb, bit) = ((shift / 64) as usize, shift % 64);
        let mut limbs = [0; LIMBS];
        let parts = match bit {
            0 => [x as u64, (x >> 64) as u64, 0],
            _ => [(x << bit) as u64, (x << bit >> 64) as u64, (x >> (128 - bit)) as u64],
        };
        for (i, part) in parts.into_iter().enumerate() {
            match limbs.get_mut(limb + i) {
                Some(slot) => *slot = part,
                None => assert_eq!(part, 0, "{x} x 2^{shift} does not fit"),
            }
        }
        Fixed(limbs)
    }

    pub(crate) fn is_zero(&self) -> bool {
        *self == Fixed::ZERO
    }

    pub(crate) fn plus(&self, other: &Fixed) -> Fixed {
        let (mut limbs, mut carry) = ([0; LIMBS], false);
        for (i, limb) in limbs.iter_mut().enumerate() {
            let (sum, first) = self.0[i].overflowing_add(other.0[i]);
            let (sum, second) = sum.overflowing_add(carry.into());
            (*limb, carry) = (sum, first || second);
        }
        assert!(!carry);
        Fixed(limbs)
    }

    pub(crate) fn minus(&self, other: &Fixed) -> Fixed {
        let (mut limbs, mut borrow) = ([0; LIMBS], false);
        for (i, limb) in limbs.iter_mut().enumerate() {
            let (rest, first) = self.0[i].overflowing_sub(other.0[i]);
            let (rest, second) = rest.overflowing_sub(borrow.into());
            (*limb, borrow) = (rest, first || second);
        }
        assert!(!borrow);
        Fixed(limbs)
    }

    pub(crate) fn times(&self, factor: u64) -> Fixed {
        let (mut limbs, mut carry) = ([0; LIMBS], 0u128);
        for (i, limb) in limbs.iter_mut().enumerate() {
            let product = u128::from(self.0[i]) * u128::from(factor) + carry;
            (*limb, carry) = (product as u64, product >> 64);
        }
        assert_eq!(carry, 0);
        Fixed(limbs)
    }

    /// Half of an even number.
    pub(crate) fn half(&self) -> Fixed {
        assert_eq!(self.0[0] & 1, 0);
        let mut limbs = [0; LIMBS];
        for (i, limb) in limbs.iter_mut().enumerate() {
            *limb = self.0[i] >> 1 | self.0.get(i + 1).map_or(0, |next| next << 63);
        }
        Fixed(limbs)
    }
}

impl Ord for Fixed {
    fn cmp(&self, other: &Fixed) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl PartialOrd for Fixed {
    fn partial_cmp(&self, other: &Fixed) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
