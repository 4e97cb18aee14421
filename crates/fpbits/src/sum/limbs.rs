//! A wide fixed-point number that is added to without carrying: limbs of 32 bits in words of 64.
//!
//! Each addition changes a limb by less than 2^32, so that 2^30 of them fit before the carries have
//! to be moved on.

use alloc::vec;
use alloc::vec::Vec;

const BITS: u32 = 32;
const LIMIT: u32 = 1 << 30;

/// The sum of limbs[i] x 2^(32 i), in units that the owner knows.
#[derive(Clone, Debug)]
pub(super) struct Limbs {
    limbs: Vec<i64>,
    /// How many additions have gone by since the last carrying.
    additions: u32,
}

impl Limbs {
    /// Zero, with room for magnitudes up to 2^bits.
    pub(super) fn new(bits: u32) -> Limbs {
        // One limb for the part of a significand that sticks out above, one for the sign.
        Limbs { limbs: vec![0; (bits / BITS + 3) as usize], additions: 0 }
    }

    /// Adds (-1)^negative x significand x 2^position.
    #[inline]
    pub(super) fn add(&mut self, negative: bool, significand: u128, position: u32) {
        let (first, shift) = ((position / BITS) as usize, position % BITS);
        let sign = if negative { -1 } else { 1 };
        // 128 bits shifted by up to 31: five limbs.
        let low = significand << shift;
        let high = if shift > 0 { significand >> (128 - shift) } else { 0 };
        let mut i = first;
        let mut rest = low;
        while rest != 0 {
            self.limbs[i] += sign * (rest as u32 as i64);
            rest >>= BITS;
            i += 1;
        }
        if high != 0 {
            self.limbs[first + 4] += sign * high as i64;
        }
        self.additions += 1;
        if self.additions == LIMIT {
            self.carry();
        }
    }

    /// Adds another sum of the same units and width.
    pub(super) fn merge(&mut self, other: &Limbs) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        for (limb, more) in self.limbs.iter_mut().zip(&other.limbs) {
            *limb += more;
        }
        self.additions = 2;
    }

    /// Moves what does not fit into a limb to the next; all but the last are then 0..2^32.
    fn carry(&mut self) {
        let mut carry = 0;
        let last = self.limbs.len() - 1;
        for limb in &mut self.limbs[..last] {
            let sum = *limb + carry;
            *limb = sum & ((1 << BITS) - 1);
            carry = sum >> BITS;
        }
        self.limbs[last] += carry;
        self.additions = 0;
    }

    /// The sign and the magnitude's leading 128 bits, the position of the last of them, and whether
    /// anything follows; `None` for zero.
    pub(super) fn leading_bits(&self) -> Option<(bool, u128, u32, bool)> {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.limbs.last().is_some_and(|&limb| limb < 0);
        if negative {
            for limb in &mut sum.limbs {
                *limb = -*limb;
            }
            sum.carry();
        }
        let limbs = &sum.limbs;
        let top = limbs.iter().rposition(|&limb| limb != 0)?;
        // The five limbs from the top hold at least 129 bits.
        let limb = |i: usize| limbs.get(i).map_or(0, |&limb| limb as u128);
        let spare = BITS - (u64::BITS - limbs[top].leading_zeros()).min(BITS);
        let position = (top as u32 + 1) * BITS - spare;
        let Some(cut) = position.checked_sub(128) else {
            let all = (0..=top).rev().fold(0, |bits, i| bits << BITS | limb(i));
            return Some((negative, all, 0, false));
        };
        let (first, offset) = ((cut / BITS) as usize, cut % BITS);
        let mut bits = limb(first) >> offset;
        for i in 1..5 {
            let shift = i * BITS - offset;
            if shift < 128 {
                bits |= limb(first + i as usize) << shift;
            }
        }
        let below =
            limbs[..first].iter().any(|&limb| limb != 0) || limb(first) & ((1 << offset) - 1) != 0;
        Some((negative, bits, cut, below))
    }
}
