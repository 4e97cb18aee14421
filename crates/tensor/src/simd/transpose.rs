//! Rows that lie across memory, read in tiles.

use std::mem::MaybeUninit;

use super::Kernel;

/// The rows and columns of a tile.
pub(crate) const TILE: usize = 8;

/// The bytes of a cache line.
const LINE: usize = 64;

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

impl<T: Copy> Kernel for Transpose<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Transpose { from, next, stride, row, out } = self;
        let rows = out.len() / row;
        for c0 in (0..row).step_by(TILE) {
            let columns = TILE.min(row - c0);
            for c in c0 + TILE..(c0 + 2 * TILE).min(row) {
                // What the next tiles need: the processor does not foresee jumps across pages.
                for r in (0..rows).step_by(LINE / size_of::<T>().max(1)) {
                    prefetch(from.wrapping_offset(c as isize * stride + r as isize * next));
                }
            }
            for r0 in (0..rows).step_by(TILE) {
                // SAFETY: whoever made the struct promises that this tile is readable.
                let from = unsafe { from.offset(r0 as isize * next + c0 as isize * stride) };
                let out = &mut out[r0 * row + c0..];
                if next == 1 && columns == TILE && rows - r0 >= TILE {
                    // SAFETY: as above: with a step of 1 the rows of a column lie side by side.
                    unsafe { tile::<T>(from, stride, row, out) };
                    continue;
                }
                for r in 0..TILE.min(rows - r0) {
                    for c in 0..columns {
                        let offset = r as isize * next + c as isize * stride;
                        // SAFETY: as above.
                        out[r * row + c].write(unsafe { *from.offset(offset) });
                    }
                }
            }
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

/// A whole tile, its columns read as runs.
///
/// # Safety
///
/// The runs must be readable.
#[inline(always)]
unsafe fn tile<T: Copy>(from: *const T, stride: isize, row: usize, out: &mut [MaybeUninit<T>]) {
    let mut columns = [[MaybeUninit::<T>::uninit(); TILE]; TILE];
    for (c, column) in columns.iter_mut().enumerate() {
        // SAFETY: passed on to the caller.
        *column = unsafe { *from.offset(c as isize * stride).cast::<[MaybeUninit<T>; TILE]>() };
    }
    for r in 0..TILE {
        let out: &mut [MaybeUninit<T>; TILE] =
            (&mut out[r * row..r * row + TILE]).try_into().expect("a tile's row");
        for c in 0..TILE {
            out[c] = columns[c][r];
        }
    }
}
