//! AVX2 and FMA.
#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::*;

use super::Kernel;
use super::gemm::column::column_kernel;
use super::gemm::tile::x86_tile;
use super::transpose::turn;

/// Proof that the processor has AVX2 and FMA: only `detect` makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, if the processor has it.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has AVX2 and FMA.
        unsafe { compiled(kernel) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn compiled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Copies `lines` cache lines from `from` to `to`, past the caches.
///
/// # Safety
///
/// They must be readable and writable, `to` a multiple of 64, and the processor have AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn stream_lines(from: *const u8, to: *mut u8, lines: usize) {
    for half in 0..2 * lines {
        // SAFETY: the caller's promise.
        unsafe {
            let x = _mm256_loadu_si256(from.add(32 * half).cast());
            _mm256_stream_si256(to.add(32 * half).cast(), x);
        }
    }
}

x86_tile!(
    TILE_F32,
    tile_f32,
    "avx2,fma",
    f32,
    8,
    [1, 2, 3, 4, 5, 6],
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps
);
x86_tile!(
    TILE_F64,
    tile_f64,
    "avx2,fma",
    f64,
    4,
    [1, 2, 3, 4, 5, 6],
    _mm256_setzero_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_set1_pd,
    _mm256_fmadd_pd,
    _mm256_add_pd
);
column_kernel!(
    COLUMN_F32,
    column_f32,
    "avx2,fma",
    f32,
    [4, 2],
    halves_f32,
    turn_f32,
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_fmadd_ps
);
column_kernel!(
    COLUMN_F64,
    column_f64,
    "avx2,fma",
    f64,
    [2, 2],
    halves_f64,
    turn_f64,
    _mm256_setzero_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_set1_pd,
    _mm256_fmadd_pd
);

turn!(
    TURN_F32,
    strip_f32,
    "avx2,fma",
    f32,
    [4, 2],
    halves_f32,
    turn_f32,
    _mm256_setzero_ps,
    _mm256_storeu_ps
);
turn!(
    TURN_F64,
    strip_f64,
    "avx2,fma",
    f64,
    [2, 2],
    halves_f64,
    turn_f64,
    _mm256_setzero_pd,
    _mm256_storeu_pd
);

/// Four elements from each address.
///
/// # Safety
///
/// They must be readable.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn halves_f32([low, high]: [*const f32; 2]) -> __m256 {
    // SAFETY: passed on to the caller.
    let (low, high) = unsafe { (_mm_loadu_ps(low), _mm_loadu_ps(high)) };
    _mm256_set_m128(high, low)
}

/// Two squares of four rows, one in each half, turned: register c has column c of each.
#[inline]
#[target_feature(enable = "avx2")]
fn turn_f32([r0, r1, r2, r3]: [__m256; 4]) -> [__m256; 4] {
    let [c0, c1] = turn_pairs([_mm256_unpacklo_ps(r0, r1), _mm256_unpacklo_ps(r2, r3)]);
    let [c2, c3] = turn_pairs([_mm256_unpackhi_ps(r0, r1), _mm256_unpackhi_ps(r2, r3)]);
    [c0, c1, c2, c3]
}

/// As [`turn_f64`], of pairs.
#[inline]
#[target_feature(enable = "avx2")]
fn turn_pairs([r0, r1]: [__m256; 2]) -> [__m256; 2] {
    let [c0, c1] = turn_f64([_mm256_castps_pd(r0), _mm256_castps_pd(r1)]);
    [_mm256_castpd_ps(c0), _mm256_castpd_ps(c1)]
}

/// Two elements from each address.
///
/// # Safety
///
/// They must be readable.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn halves_f64([low, high]: [*const f64; 2]) -> __m256d {
    // SAFETY: passed on to the caller.
    let (low, high) = unsafe { (_mm_loadu_pd(low), _mm_loadu_pd(high)) };
    _mm256_set_m128d(high, low)
}

/// Two squares of two rows, one in each half, turned.
#[inline]
#[target_feature(enable = "avx2")]
fn turn_f64([r0, r1]: [__m256d; 2]) -> [__m256d; 2] {
    [_mm256_unpacklo_pd(r0, r1), _mm256_unpackhi_pd(r0, r1)]
}
