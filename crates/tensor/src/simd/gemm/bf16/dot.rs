//! Tiles by AVX512-BF16.

use std::arch::x86_64::*;

use super::pack::{Block, LINES, PAIRS};

/// The proof that this processor has AVX512-BF16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512Bf16(());

impl Avx512Bf16 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f");
        has.then_some(Self(()))
    }

    /// A tile of 32 by 32: `a` is two panels of rows, `b` two of columns. Row r goes to `out + r * stride`.
    ///
    /// # Safety
    ///
    /// The 32 elements of each of the 32 rows of `out` must be writable.
    pub(super) unsafe fn tile(
        self,
        a: [&[Block]; 2],
        b: [&[Block]; 2],
        out: *mut f32,
        stride: usize,
    ) {
        for (half, a) in a.into_iter().enumerate() {
            for row in (0..LINES).step_by(ROWS) {
                let out = out.wrapping_add((half * LINES + row) * stride);
                // SAFETY: `self` exists, so the processor has the instructions; the rows are writable.
                unsafe { rows(a, row, b, out, stride) };
            }
        }
    }
}

/// Rows whose sums are in registers at a time: 8 rows of two registers hide the latency of an addition.
const ROWS: usize = 8;

/// Eight rows of a tile, those from `row` on of panel `a`.
///
/// # Safety
///
/// As [`Avx512Bf16::tile`], for eight rows.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn rows(a: &[Block], row: usize, b: [&[Block]; 2], out: *mut f32, stride: usize) {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    for ((a, b0), b1) in a.iter().zip(b[0]).zip(b[1]) {
        let (b0, b1) = (b0.0.as_chunks::<LINES>().0, b1.0.as_chunks::<LINES>().0);
        for pair in 0..PAIRS {
            let columns = [pairs(&b0[pair]), pairs(&b1[pair])];
            for (r, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_epi32(a.0[(row + r) * PAIRS + pair].cast_signed());
                for (sum, b) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, as_bf16(a), as_bf16(b));
                }
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (j, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { _mm512_storeu_ps(out.add(r * stride + j * LINES), sum) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pairs(words: &[u32; LINES]) -> __m512i {
    // SAFETY: sixteen words are read.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_bf16(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of any value.
    unsafe { std::mem::transmute(pairs) }
}
