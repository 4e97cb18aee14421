//! Natural numbers of any size: the few operations that exact decimals need, done plainly.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt::Write;

/// The largest power of ten in a limb, and its exponent.
const TEN_19: u64 = 10_000_000_000_000_000_000;
const DIGITS: usize = 19;
/// The largest power of five in a limb, and its exponent.
const FIVE_27: u64 = 7_450_580_596_923_828_125;
const FIVE_EXPONENT: u32 = 27;

/// A natural number: limbs of 64 bits, least first, without leading zero limbs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Natural {
    limbs: Vec<u64>,
}

impl Natural {
    pub(crate) fn new(value: u64) -> Natural {
        let mut natural = Natural { limbs: alloc::vec![value] };
        natural.trim();
        natural
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    pub(crate) fn bit_length(&self) -> u64 {
        match self.limbs.last() {
            Some(top) => self.limbs.len() as u64 * 64 - u64::from(top.leading_zeros()),
            None => 0,
        }
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    /// self = self x factor + addend
    pub(crate) fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = u128::from(addend);
        for limb in &mut self.limbs {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            *limb = product as u64;
            carry = product >> 64;
        }
        if carry > 0 {
            self.limbs.push(carry as u64);
        }
        self.trim();
    }

    /// self = self x 5^exponent
    pub(crate) fn multiply_power_of_five(&mut self, exponent: u32) {
        for _ in 0..exponent / FIVE_EXPONENT {
            self.multiply_add(FIVE_27, 0);
        }
        self.multiply_add(5u64.pow(exponent % FIVE_EXPONENT), 0);
    }

    /// self = self x 10^exponent
    pub(crate) fn multiply_power_of_ten(&mut self, exponent: u32) {
        self.multiply_power_of_five(exponent);
        self.shift_left(exponent.into());
    }

    /// self = self x 2^bits
    pub(crate) fn shift_left(&mut self, bits: u64) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (bits % 64), 0);
        self.limbs.splice(0..0, core::iter::repeat_n(0, (bits / 64) as usize));
    }

    /// self = self / divisor, rounded down; returns the remainder.
    pub(crate) fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0u64;
        for limb in self.limbs.iter_mut().rev() {
            let dividend = u128::from(remainder) << 64 | u128::from(*limb);
            *limb = (dividend / u128::from(divisor)) as u64;
            remainder = (dividend % u128::from(divisor)) as u64;
        }
        self.trim();
        remainder
    }

    /// self = self + other
    pub(crate) fn add(&mut self, other: &Natural) {
        if self.limbs.len() < other.limbs.len() {
            self.limbs.resize(other.limbs.len(), 0);
        }
        let mut carry = false;
        for (i, limb) in self.limbs.iter_mut().enumerate() {
            let (sum, first) = limb.overflowing_add(other.limbs.get(i).copied().unwrap_or(0));
            let (sum, second) = sum.overflowing_add(carry.into());
            *limb = sum;
            carry = first || second;
        }
        if carry {
            self.limbs.push(1);
        }
    }

    /// self = self - other, which must not be larger.
    pub(crate) fn subtract(&mut self, other: &Natural) {
        debug_assert!((*self).cmp(other) != Ordering::Less, "the difference would be negative");
        let mut borrow = false;
        for (i, limb) in self.limbs.iter_mut().enumerate() {
            let (rest, first) = limb.overflowing_sub(other.limbs.get(i).copied().unwrap_or(0));
            let (rest, second) = rest.overflowing_sub(borrow.into());
            *limb = rest;
            borrow = first || second;
        }
        self.trim();
    }

    pub(crate) fn cmp(&self, other: &Natural) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    /// The leading 128 bits, the exponent of their last one, and whether anything follows.
    pub(crate) fn leading_bits(&self) -> (u128, u64, bool) {
        let limb = |i: usize| u128::from(self.limbs.get(i).copied().unwrap_or(0));
        let cut = self.bit_length().saturating_sub(128);
        let (first, offset) = ((cut / 64) as usize, cut % 64);
        let low = limb(first) | limb(first + 1) << 64;
        let top = match offset {
            0 => low,
            _ => low >> offset | limb(first + 2) << (128 - offset),
        };
        let below = self.limbs.iter().take(first).any(|&l| l != 0)
            || limb(first) & ((1 << offset) - 1) != 0;
        (top, cut, below)
    }

    /// The decimal digits, without leading zeros; empty for zero.
    pub(crate) fn to_digits(&self) -> String {
        let mut rest = self.clone();
        let mut chunks = Vec::new();
        while !rest.is_zero() {
            chunks.push(rest.divide(TEN_19));
        }
        let mut digits = String::new();
        for (i, chunk) in chunks.iter().rev().enumerate() {
            let written = match i {
                0 => write!(digits, "{chunk}"),
                _ => write!(digits, "{chunk:0DIGITS$}"),
            };
            written.expect("writing to a string does not fail");
        }
        digits
    }

    /// The number with these decimal digits (ASCII, checked by the caller).
    pub(crate) fn from_digits(digits: impl Iterator<Item = u8>) -> Natural {
        let mut natural = Natural { limbs: Vec::new() };
        let (mut chunk, mut scale) = (0u64, 1u64);
        for digit in digits {
            chunk = chunk * 10 + u64::from(digit - b'0');
            scale *= 10;
            if scale == TEN_19 {
                natural.multiply_add(scale, chunk);
                (chunk, scale) = (0, 1);
            }
        }
        natural.multiply_add(scale, chunk);
        natural
    }
}
