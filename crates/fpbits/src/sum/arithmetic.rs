//! What the methods of summation need: addition, subtraction, and which of two is larger. The
//! language's floats have it in hardware, every other format in software.

use super::Native;
use crate::{Context, Format};
use core::cmp::Ordering;
use core::marker::PhantomData;

pub(super) trait Arithmetic {
    type Number: Copy;

    fn zero(&self) -> Self::Number;
    fn add(&self, a: Self::Number, b: Self::Number) -> Self::Number;
    fn subtract(&self, a: Self::Number, b: Self::Number) -> Self::Number;
    /// Whether |a| >= |b|.
    fn is_larger(&self, a: Self::Number, b: Self::Number) -> bool;

    /// a + b and its error.
    fn two_sum(&self, a: Self::Number, b: Self::Number) -> (Self::Number, Self::Number) {
        let s = self.add(a, b);
        let b_part = self.subtract(s, a);
        let a_part = self.subtract(s, b_part);
        (s, self.add(self.subtract(a, a_part), self.subtract(b, b_part)))
    }
}

pub(super) struct Hardware<F>(PhantomData<F>);

impl<F> Hardware<F> {
    pub(super) fn new() -> Hardware<F> {
        Hardware(PhantomData)
    }
}

impl<F: Native> Arithmetic for Hardware<F> {
    type Number = F;

    #[inline]
    fn zero(&self) -> F {
        F::ZERO
    }

    #[inline]
    fn add(&self, a: F, b: F) -> F {
        a + b
    }

    #[inline]
    fn subtract(&self, a: F, b: F) -> F {
        a - b
    }

    #[inline]
    fn is_larger(&self, a: F, b: F) -> bool {
        a.magnitude() >= b.magnitude()
    }
}

/// Codes of a format, rounded in a context.
pub(super) struct Software<'f> {
    pub(super) format: &'f Format,
    pub(super) context: Context,
}

impl Arithmetic for Software<'_> {
    type Number = u64;

    fn zero(&self) -> u64 {
        0
    }

    fn add(&self, a: u64, b: u64) -> u64 {
        self.format.add(a, b, self.context).code
    }

    fn subtract(&self, a: u64, b: u64) -> u64 {
        self.format.subtract(a, b, self.context).code
    }

    fn is_larger(&self, a: u64, b: u64) -> bool {
        let order = self.format.compare(self.format.abs(a), self.format.abs(b));
        matches!(order, Some(Ordering::Greater | Ordering::Equal))
    }
}
