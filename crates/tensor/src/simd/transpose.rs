//! Rows that lie across memory, read in tiles.

use std::any::TypeId;
use std::mem::MaybeUninit;

use super::Kernel;
use super::gemm::{Element, turn_any};

/// The rows and columns of a square, which is turned in registers.
const SQUARE: usize = 4;

/// The rows that are written together: a cache line of each column that is read, or two.
const ROWS: usize = 16;

/// How many columns ahead is asked for.
const AHEAD: usize = 4 * SQUARE;

/// Element (r, c) of `out`, whose rows have `row` elements, becomes the one at
/// `from + r * next + c * stride`.
///
/// Row by row each element would come from a cache line of its own, and a line be fetched again for
/// each of its elements. In a tile each line serves several rows at once.
///
/// # Safety
///
/// What is read must be readable, for all rows of `out` and all `row` columns.
pub(super) struct Transpose<'a, T> {
    pub(super) from: *const T,
    pub(super) next: isize,
    pub(super) stride: isize,
    pub(super) row: usize,
    pub(super) out: &'a mut [MaybeUninit<T>],
}

impl<T: Copy + 'static> Kernel for Transpose<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Transpose { from, next, stride, row, out } = self;
        let rows = out.len() / row;
        assert!(rows * row == out.len(), "the last row is not whole");
        let to = out.as_mut_ptr().cast::<T>();
        // SAFETY: it is called for rows and columns of `out`: whoever made the struct promises that
        // what goes there is readable.
        let at = |r: usize, c: usize| unsafe {
            (from.offset(r as isize * next + c as isize * stride), to.add(r * row + c))
        };
        // All of a cache line is used at once: lines that lie a power of two apart push one another out
        // of the first cache.
        for r0 in (0..rows).step_by(ROWS) {
            let height = ROWS.min(rows - r0);
            let in_squares = if next == 1 { height / SQUARE * SQUARE } else { 0 };
            for c0 in (0..row).step_by(SQUARE) {
                let columns = SQUARE.min(row - c0);
                for c in c0 + AHEAD..(c0 + AHEAD + columns).min(row) {
                    // The processor does not foresee jumps across pages.
                    prefetch(from.wrapping_offset(c as isize * stride + r0 as isize * next));
                }
                let squares = if columns == SQUARE { in_squares } else { 0 };
                for r in (0..squares).step_by(SQUARE) {
                    let (from, to) = at(r0 + r, c0);
                    // SAFETY: the square is inside; with a step of 1 the rows of a column lie side by
                    // side.
                    unsafe { turn(from, stride, to, row) };
                }
                for c in c0..c0 + columns {
                    for r in r0 + squares..r0 + height {
                        let (from, to) = at(r, c);
                        // SAFETY: as above.
                        unsafe { to.write(*from) };
                    }
                }
            }
        }
    }
}

/// [`Element::turn_square`] for any type.
///
/// # Safety
///
/// As there.
#[inline(always)]
unsafe fn turn<T: Copy + 'static>(from: *const T, stride: isize, to: *mut T, to_stride: usize) {
    // SAFETY: passed on to the caller; the casts change no type.
    unsafe {
        if TypeId::of::<T>() == TypeId::of::<f32>() {
            f32::turn_square(from.cast(), stride, to.cast(), to_stride);
        } else if TypeId::of::<T>() == TypeId::of::<f64>() {
            f64::turn_square(from.cast(), stride, to.cast(), to_stride);
        } else {
            turn_any(from, stride, to, to_stride);
        }
    }
}

/// Asks for the cache line at an address, which need not be readable.
#[inline(always)]
pub(super) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: even an address that is not mapped would be no fault. (Newer compilers know it.)
        #[allow(unused_unsafe)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// As [`prefetch`], into the second cache.
#[inline(always)]
pub(super) fn fetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as there.
        #[allow(unused_unsafe)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(address.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
