//! NEON, which every 64-bit Arm processor has that runs Rust's standard library.
//!
//! What is written in plain Rust is compiled for it anyhow; here are the loops that the compiler does
//! not keep in registers by itself.
#![cfg(all(target_arch = "aarch64", target_endian = "little"))]

use std::arch::aarch64::*;
use std::arch::asm;

use super::Kernel;
use super::gemm::column::column_kernel;
use super::gemm::tile::{Job, Run};

/// Stands for a 64-bit Arm processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    pub(crate) const BASELINE: Self = Self(());

    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run()
    }
}

/// Defines a tile of six rows by four registers out of the intrinsics for an element type, and the
/// table `$table` of it for 1 to 6 rows.
macro_rules! tile {
    (
        $table:ident, $tile:ident, $t:ty, $lanes:literal,
        $load:ident, $store:ident, $set1:ident, $fma:ident, $add:ident
    ) => {
        pub(crate) const $table: [&[Run<$t>]; 2] = [
            &[
                $tile::<1, true>,
                $tile::<2, true>,
                $tile::<3, true>,
                $tile::<4, true>,
                $tile::<5, true>,
                $tile::<6, true>,
            ],
            &[
                $tile::<1, false>,
                $tile::<2, false>,
                $tile::<3, false>,
                $tile::<4, false>,
                $tile::<5, false>,
                $tile::<6, false>,
            ],
        ];

        /// See [`Tile::run`](crate::simd::gemm::tile::Tile::run).
        #[target_feature(enable = "neon")]
        unsafe fn $tile<const R: usize, const PACKED: bool>(job: &Job<$t>) {
            let &Job { k, a, b, from, to, ahead } = job;
            // The output's rows are needed at the end: by then they are here.
            for r in 0..R {
                prefetch::<1>(to.start.wrapping_add(r * to.row).cast());
            }
            let mut sums = [[$set1(0.0); 4]; R];
            let across = if PACKED { 1 } else { a.across };
            let (mut a_step, mut b_step, mut next) = (a.start, b.start, ahead.start);
            for _ in 0..k {
                // SAFETY: the caller promises that this step of b (four registers) and of a (R
                // elements) is readable; the pointers move on without being read past the last.
                // What is ahead is not read.
                unsafe {
                    let b = [
                        $load(b_step),
                        $load(b_step.add($lanes)),
                        $load(b_step.add(2 * $lanes)),
                        $load(b_step.add(3 * $lanes)),
                    ];
                    for r in 0..R {
                        let x = *a_step.offset(r as isize * across);
                        for i in 0..4 {
                            sums[r][i] = $fma(sums[r][i], b[i], x);
                        }
                    }
                }
                prefetch::<2>(next.cast());
                a_step = a_step.wrapping_offset(a.step);
                b_step = b_step.wrapping_offset(b.step);
                next = next.wrapping_offset(ahead.step);
            }
            for (r, sums) in sums.iter().enumerate() {
                for (i, &sum) in sums.iter().enumerate() {
                    // SAFETY: the caller promises that row r of `from` (four registers) is readable
                    // and that of `to` writable.
                    unsafe {
                        let sum = match from {
                            Some(from) => {
                                $add($load(from.start.add(r * from.row + i * $lanes)), sum)
                            }
                            None => sum,
                        };
                        $store(to.start.add(r * to.row + i * $lanes), sum);
                    }
                }
            }
        }
    };
}

tile!(TILE_F32, tile_f32, f32, 4, vld1q_f32, vst1q_f32, vdupq_n_f32, vfmaq_n_f32, vaddq_f32);
tile!(TILE_F64, tile_f64, f64, 2, vld1q_f64, vst1q_f64, vdupq_n_f64, vfmaq_n_f64, vaddq_f64);

/// Asks for the cache line at an address, into the first or second cache.
#[inline(always)]
fn prefetch<const CACHE: u8>(address: *const u8) {
    // SAFETY: a prefetch is a hint: it reads nothing and cannot fault at any address.
    unsafe {
        if CACHE == 1 {
            asm!("prfm pldl1keep, [{}]", in(reg) address, options(nomem, nostack, preserves_flags));
        } else {
            asm!("prfm pldl2keep, [{}]", in(reg) address, options(nomem, nostack, preserves_flags));
        }
    }
}

column_kernel!(
    COLUMN_F32,
    column_f32,
    "neon",
    f32,
    [4, 1],
    row_f32,
    turn_f32,
    zero_f32,
    vld1q_f32,
    vst1q_f32,
    vdupq_n_f32,
    times_plus_f32
);
column_kernel!(
    COLUMN_F64,
    column_f64,
    "neon",
    f64,
    [2, 1],
    row_f64,
    turn_f64,
    zero_f64,
    vld1q_f64,
    vst1q_f64,
    vdupq_n_f64,
    times_plus_f64
);

/// Four elements.
///
/// # Safety
///
/// They must be readable.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn row_f32([start]: [*const f32; 1]) -> float32x4_t {
    // SAFETY: passed on to the caller.
    unsafe { vld1q_f32(start) }
}

/// Two elements.
///
/// # Safety
///
/// They must be readable.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn row_f64([start]: [*const f64; 1]) -> float64x2_t {
    // SAFETY: passed on to the caller.
    unsafe { vld1q_f64(start) }
}

#[inline]
#[target_feature(enable = "neon")]
fn zero_f32() -> float32x4_t {
    vdupq_n_f32(0.0)
}

#[inline]
#[target_feature(enable = "neon")]
fn zero_f64() -> float64x2_t {
    vdupq_n_f64(0.0)
}

/// `a * b + c`, rounded once.
#[inline]
#[target_feature(enable = "neon")]
fn times_plus_f32(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
    vfmaq_f32(c, a, b)
}

/// `a * b + c`, rounded once.
#[inline]
#[target_feature(enable = "neon")]
fn times_plus_f64(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
    vfmaq_f64(c, a, b)
}

/// A square of four rows, turned: register c has column c.
#[inline]
#[target_feature(enable = "neon")]
fn turn_f32([r0, r1, r2, r3]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    let [c0, c1] = turn_pairs([vzip1q_f32(r0, r1), vzip1q_f32(r2, r3)]);
    let [c2, c3] = turn_pairs([vzip2q_f32(r0, r1), vzip2q_f32(r2, r3)]);
    [c0, c1, c2, c3]
}

/// As [`turn_f64`], of pairs.
#[inline]
#[target_feature(enable = "neon")]
fn turn_pairs([r0, r1]: [float32x4_t; 2]) -> [float32x4_t; 2] {
    let [c0, c1] = turn_f64([vreinterpretq_f64_f32(r0), vreinterpretq_f64_f32(r1)]);
    [vreinterpretq_f32_f64(c0), vreinterpretq_f32_f64(c1)]
}

/// A square of two rows, turned.
#[inline]
#[target_feature(enable = "neon")]
fn turn_f64([r0, r1]: [float64x2_t; 2]) -> [float64x2_t; 2] {
    [vzip1q_f64(r0, r1), vzip2q_f64(r0, r1)]
}

/// See [`Element::turn_square`](super::Element::turn_square).
///
/// # Safety
///
/// The rows must be readable and the places writable.
#[inline(always)]
pub(super) unsafe fn turn_square_f32(
    from: *const f32,
    row_stride: isize,
    to: *mut f32,
    to_stride: usize,
) {
    // SAFETY: passed on to the caller; the processor has NEON.
    unsafe {
        let row = |r: isize| vld1q_f32(from.offset(r * row_stride));
        for (c, column) in turn_f32([row(0), row(1), row(2), row(3)]).into_iter().enumerate() {
            vst1q_f32(to.add(c * to_stride), column);
        }
    }
}

/// As [`turn_square_f32`], in four squares of two by two.
///
/// # Safety
///
/// As there.
#[inline(always)]
pub(super) unsafe fn turn_square_f64(
    from: *const f64,
    row_stride: isize,
    to: *mut f64,
    to_stride: usize,
) {
    for (r, c) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
        // SAFETY: passed on to the caller; the processor has NEON.
        unsafe {
            let from = from.offset(r * row_stride + c);
            let to = to.add(c as usize * to_stride + r as usize);
            let [c0, c1] = turn_f64([vld1q_f64(from), vld1q_f64(from.offset(row_stride))]);
            vst1q_f64(to, c0);
            vst1q_f64(to.add(to_stride), c1);
        }
    }
}
