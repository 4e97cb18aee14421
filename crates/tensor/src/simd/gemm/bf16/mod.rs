//! Products of bf16 operands, on the unit that the processor has for them.
//!
//! The units multiply pairs: two neighbours along K, in one word of 32 bits. Both operands are packed
//! into blocks of 16 lines (rows of `a`, columns of `b`) by 16 pairs, rounded on the way, and padded
//! with zeros, which change no sum. A tile of the output, 32 by 32, then runs over all of K with its
//! sums in registers. The order of a sum is the unit's own, see [`Bf16Unit`]; neither the tile that an
//! element falls into nor the thread has an effect on it.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod dot;
#[cfg(target_arch = "x86_64")]
mod driver;
#[cfg(target_arch = "x86_64")]
mod pack;
mod unit;

pub use self::unit::Bf16Unit;

use super::Matrix;
use crate::simd::out::{CHUNK, Memory, collect};
use crate::{Float, pool};

/// What is read as a bf16 number.
pub(crate) trait Source: Copy + Send + Sync + 'static {
    /// Its code, rounded to nearest, ties to even.
    fn code(self) -> u16;
}

impl Source for f32 {
    #[inline(always)]
    fn code(self) -> u16 {
        fpbits::bf16_from_f32(self)
    }
}

impl Source for f64 {
    #[inline(always)]
    fn code(self) -> u16 {
        fpbits::bf16_from_f64(self)
    }
}

/// A code of bf16 already.
impl Source for u16 {
    #[inline(always)]
    fn code(self) -> u16 {
        self
    }
}

/// `a·b` of operands rounded to bf16, row after row: on the processor's unit, else widened.
#[track_caller]
pub(crate) fn write_product<'m, A: Source, B: Source>(
    a: Matrix<'_, A>,
    b: Matrix<'_, B>,
    memory: Memory<'m, f32>,
) -> &'m mut [f32] {
    write_on(Bf16Unit::best(), a, b, memory)
}

/// [`write_product`] on a given unit, or on none.
#[track_caller]
fn write_on<'m, A: Source, B: Source>(
    unit: Option<Bf16Unit>,
    a: Matrix<'_, A>,
    b: Matrix<'_, B>,
    memory: Memory<'m, f32>,
) -> &'m mut [f32] {
    match unit {
        #[cfg(target_arch = "x86_64")]
        Some(unit) => driver::write_product(unit, a, b, memory),
        _ => write_widened(a, b, memory),
    }
}

/// The product of the rounded operands, widened: [`super::write_product`] of them.
#[track_caller]
pub(crate) fn write_widened<'m, T: Float, A: Source, B: Source>(
    a: Matrix<'_, A>,
    b: Matrix<'_, B>,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let (x, y) = (widened(a), widened(b));
    let (left, right) =
        (Matrix::from_slice(&x, a.rows, a.columns), Matrix::from_slice(&y, b.rows, b.columns));
    let product = super::write_product(left, right, memory);
    pool::give_back(x);
    pool::give_back(y);
    product
}

/// The rounded elements, row after row.
fn widened<S: Source, T: Float>(x: Matrix<'_, S>) -> Vec<T> {
    collect(x.rows * x.columns, CHUNK, |start, out| {
        let values = out.fill(out.len(), T::ZERO);
        for (index, value) in (start..).zip(values) {
            // SAFETY: the element is inside the matrix.
            let code = unsafe { *x.address(index / x.columns, index % x.columns) }.code();
            *value = T::from_f64(fpbits::bf16_to_f64(code));
        }
    })
}

#[cfg(test)]
mod tests;
