//! AVX-512 F.
#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::*;

use super::Kernel;
use super::gemm::column::column_kernel;
use super::gemm::tile::x86_tile;
use super::transpose::turn;

/// Proof that the processor has AVX-512 F: only `detect` makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The proof, if the processor has it.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has AVX-512 F.
        unsafe { compiled(kernel) }
    }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn compiled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Copies `lines` cache lines from `from` to `to`, past the caches.
///
/// # Safety
///
/// They must be readable and writable, `to` a multiple of 64, and the processor have AVX-512 F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn stream_lines(from: *const u8, to: *mut u8, lines: usize) {
    for line in 0..lines {
        // SAFETY: the caller's promise.
        unsafe {
            let x = _mm512_loadu_si512(from.add(64 * line).cast());
            _mm512_stream_si512(to.add(64 * line).cast(), x);
        }
    }
}

x86_tile!(
    TILE_F32,
    tile_f32,
    "avx512f,avx2,fma",
    f32,
    16,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps
);
x86_tile!(
    TILE_F64,
    tile_f64,
    "avx512f,avx2,fma",
    f64,
    8,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    _mm512_setzero_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd,
    _mm512_add_pd
);
column_kernel!(
    COLUMN_F32,
    column_f32,
    "avx512f,avx2,fma",
    f32,
    [4, 4],
    quarters_f32,
    turn_f32,
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps
);
column_kernel!(
    COLUMN_F64,
    column_f64,
    "avx512f,avx2,fma",
    f64,
    [2, 4],
    quarters_f64,
    turn_f64,
    _mm512_setzero_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd
);

turn!(
    TURN_F32,
    strip_f32,
    "avx512f,avx2,fma",
    f32,
    [4, 4],
    quarters_f32,
    turn_f32,
    _mm512_setzero_ps,
    _mm512_storeu_ps
);
turn!(
    TURN_F64,
    strip_f64,
    "avx512f,avx2,fma",
    f64,
    [2, 4],
    quarters_f64,
    turn_f64,
    _mm512_setzero_pd,
    _mm512_storeu_pd
);

/// Four elements from each address.
///
/// # Safety
///
/// They must be readable.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn quarters_f32(from: [*const f32; 4]) -> __m512 {
    // SAFETY: passed on to the caller.
    let (q0, q1, q2, q3) = unsafe {
        let [f0, f1, f2, f3] = from;
        (_mm_loadu_ps(f0), _mm_loadu_ps(f1), _mm_loadu_ps(f2), _mm_loadu_ps(f3))
    };
    let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(q0), q1);
    _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, q2), q3)
}

/// Four squares of four rows, one in each quarter, turned: register c has column c of each.
#[inline]
#[target_feature(enable = "avx512f")]
fn turn_f32([r0, r1, r2, r3]: [__m512; 4]) -> [__m512; 4] {
    let [c0, c1] = turn_pairs([_mm512_unpacklo_ps(r0, r1), _mm512_unpacklo_ps(r2, r3)]);
    let [c2, c3] = turn_pairs([_mm512_unpackhi_ps(r0, r1), _mm512_unpackhi_ps(r2, r3)]);
    [c0, c1, c2, c3]
}

/// As [`turn_f64`], of pairs.
#[inline]
#[target_feature(enable = "avx512f")]
fn turn_pairs([r0, r1]: [__m512; 2]) -> [__m512; 2] {
    let [c0, c1] = turn_f64([_mm512_castps_pd(r0), _mm512_castps_pd(r1)]);
    [_mm512_castpd_ps(c0), _mm512_castpd_ps(c1)]
}

/// Two elements from each address.
///
/// # Safety
///
/// They must be readable.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn quarters_f64(from: [*const f64; 4]) -> __m512d {
    // SAFETY: passed on to the caller.
    _mm512_castps_pd(unsafe { quarters_f32(from.map(<*const f64>::cast)) })
}

/// Four squares of two rows, one in each quarter, turned.
#[inline]
#[target_feature(enable = "avx512f")]
fn turn_f64([r0, r1]: [__m512d; 2]) -> [__m512d; 2] {
    [_mm512_unpacklo_pd(r0, r1), _mm512_unpackhi_pd(r0, r1)]
}
