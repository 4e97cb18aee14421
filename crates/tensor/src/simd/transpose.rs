//! Rows that lie across memory, read in tiles.

use std::any::{Any, TypeId};
use std::mem::MaybeUninit;

use super::Isa;
use super::gemm::{Element, turn_any};

/// The rows that are written together: a cache line of each column that is read, or two.
const ROWS: usize = 16;

/// The rows and columns of the smallest square that is turned in registers.
const SQUARE: usize = 4;

/// Element (r, c) of `out`, whose rows have `row` elements, becomes the one at
/// `from + r * next + c * stride`.
///
/// Row by row each element would come from a cache line of its own, and a line be fetched again for
/// each of its elements. In a tile each line serves several rows at once.
///
/// # Safety
///
/// What is read must be readable, for all rows of `out` and all `row` columns.
pub(super) unsafe fn transpose<T: Copy + 'static>(
    from: *const T,
    [next, stride]: [isize; 2],
    row: usize,
    out: &mut [MaybeUninit<T>],
) {
    let rows = out.len() / row;
    assert!(rows * row == out.len(), "the last row is not whole");
    let to = out.as_mut_ptr().cast::<T>();
    let at = |r: usize, c: usize| {
        let from = from.wrapping_offset(r as isize * next + c as isize * stride);
        (from, to.wrapping_add(r * row + c))
    };
    let best = Turn::of(Isa::best());
    // As few rows as possible at a time: each is written on a page of its own.
    for r0 in (0..rows).step_by(ROWS) {
        let height = ROWS.min(rows - r0);
        let mut c0 = 0;
        while c0 < row {
            let turn = if row - c0 >= best.columns { &best } else { &Turn::PORTABLE };
            let columns = turn.columns.min(row - c0);
            for c in (c0 + AHEAD..row).take(columns) {
                prefetch(at(r0, c).0);
            }
            for r in r0..r0 + height {
                prefetch(at(r, c0 + AHEAD).1);
            }
            let whole = next == 1 && columns == turn.columns;
            let turned = if whole { height / SQUARE * SQUARE } else { 0 };
            let (from, to) = at(r0, c0);
            // SAFETY: these rows and columns are inside; with a step of 1 the rows of a column lie side
            // by side.
            unsafe { (turn.run)(turned, from, stride, to, row) };
            for c in c0..c0 + columns {
                for r in r0 + turned..r0 + height {
                    let (from, to) = at(r, c);
                    // SAFETY: the caller promises that what is read is readable; the place is inside `out`.
                    unsafe { to.write(*from) };
                }
            }
            c0 += columns;
        }
    }
}

/// How many columns ahead is asked for: the processor does not foresee jumps across pages. Lines to be
/// written are asked for, too. A load waits for each earlier store whose address ends in the same 12 bits, until
/// that store is done; with rows and columns of one length there are many such, and a store to memory that no
/// cache holds takes long.
const AHEAD: usize = 32;

/// Rows made of columns by one instruction set: [`Turn::run`]`(rows, from, stride, to, to_stride)` copies
/// the element at `from + r + c * stride` to `to + r * to_stride + c`, for `rows` rows, a multiple of four,
/// and all of the columns.
///
/// # Safety
///
/// What is read must be readable, the places be writable, and the processor have the instruction set.
#[derive(Clone, Copy)]
pub(super) struct Turn<T> {
    pub(super) columns: usize,
    pub(super) run: unsafe fn(usize, *const T, isize, *mut T, usize),
}

impl<T: Copy + 'static> Turn<T> {
    const PORTABLE: Turn<T> = Turn { columns: SQUARE, run: squares };

    fn of(isa: Isa) -> Turn<T> {
        wide(isa).iter().find_map(|turn| turn.downcast_ref()).copied().unwrap_or(Turn::PORTABLE)
    }
}

/// What an instruction set has for f32 and f64. (A square of four by four is all that NEON's registers hold.)
fn wide(isa: Isa) -> &'static [&'static dyn Any] {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => &[&super::avx2::TURN_F32, &super::avx2::TURN_F64],
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => &[&super::avx512::TURN_F32, &super::avx512::TURN_F64],
        _ => &[],
    }
}

/// See [`Turn`].
unsafe fn squares<T: Copy + 'static>(
    rows: usize,
    from: *const T,
    stride: isize,
    to: *mut T,
    to_stride: usize,
) {
    for r in (0..rows).step_by(SQUARE) {
        // SAFETY: the square is inside what the caller promises.
        unsafe { turn_square(from.add(r), stride, to.add(r * to_stride), to_stride) };
    }
}

/// Defines [`Turn`] `$turn` of one instruction set. A register holds `$lanes` squares of `$width` rows and
/// columns: `$gather` reads one column of each, `$squares` makes rows of their columns.
#[cfg(target_arch = "x86_64")]
macro_rules! turn {
    (
        $turn:ident, $run:ident, $features:literal, $t:ty, [$width:literal, $lanes:literal],
        $gather:ident, $squares:ident, $zero:ident, $store:ident
    ) => {
        pub(super) const $turn: crate::simd::transpose::Turn<$t> =
            crate::simd::transpose::Turn { columns: $width * $lanes, run: $run };

        /// See [`Turn`](crate::simd::transpose::Turn).
        #[target_feature(enable = $features)]
        unsafe fn $run(rows: usize, from: *const $t, stride: isize, to: *mut $t, to_stride: usize) {
            for r in (0..rows).step_by($width) {
                // SAFETY: these rows and columns are inside what the caller promises.
                unsafe {
                    let mut columns = [$zero(); $width];
                    for (j, column) in columns.iter_mut().enumerate() {
                        let mut lanes = [from; $lanes];
                        for (lane, from) in lanes.iter_mut().enumerate() {
                            let c = (lane * $width + j) as isize;
                            *from = from.add(r).offset(c * stride);
                        }
                        *column = $gather(lanes);
                    }
                    for (i, row) in $squares(columns).into_iter().enumerate() {
                        $store(to.add((r + i) * to_stride), row);
                    }
                }
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use turn;

/// [`Element::turn_square`] for any type.
///
/// # Safety
///
/// As there.
#[inline(always)]
unsafe fn turn_square<T: Copy + 'static>(
    from: *const T,
    stride: isize,
    to: *mut T,
    to_stride: usize,
) {
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
    ask::<3, T>(address);
}

/// As [`prefetch`], into the second cache.
#[inline(always)]
pub(crate) fn fetch<T>(address: *const T) {
    ask::<2, T>(address);
}

/// A prefetch with one of the processor's hints: `_MM_HINT_T0` is 3, `_MM_HINT_T1` 2.
#[inline(always)]
fn ask<const HINT: i32, T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: even an address that is not mapped would be no fault. (Newer compilers know it.)
    #[allow(unused_unsafe)]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<HINT>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strips of all heights, each element a number of its own.
    fn check<T: Copy + PartialEq + std::fmt::Debug + 'static>(x: &[T]) {
        let (stride, to_stride) = (21, 35);
        for isa in Isa::available() {
            let turn = Turn::<T>::of(isa);
            for rows in (0..=ROWS).step_by(SQUARE) {
                let mut out = vec![x[0]; ROWS * to_stride];
                // SAFETY: 16 columns at most, 21 apart, end at element 331; 16 rows at 35 * 15 + 16.
                unsafe {
                    (turn.run)(rows, x.as_ptr(), stride as isize, out.as_mut_ptr(), to_stride)
                };
                for (i, y) in out.iter().enumerate() {
                    let (r, c) = (i / to_stride, i % to_stride);
                    let inside = r < rows && c < turn.columns;
                    assert_eq!(*y, x[if inside { r + c * stride } else { 0 }], "{isa:?}, {rows}");
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_turns_each_element_to_its_place() {
        check(&(0..400).map(|i| i as f32).collect::<Vec<_>>());
        check(&(0..400).map(|i| i as f64).collect::<Vec<_>>());
        check(&(0..400).collect::<Vec<u16>>());
    }
}
