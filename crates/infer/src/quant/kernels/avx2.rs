//! The inner loops with 256-bit registers (AVX2, FMA and F16C).

use std::arch::x86_64::*;
use std::array::from_fn;

use super::super::panel::{Lanes, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::arch::Arch;
use super::entry_points::entry_points;

/// The proof that this processor has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has.then_some(Avx2(()))
    }
}

entry_points!(Avx2, "avx2,fma,f16c");

/// Sixteen lanes: two registers.
type Pair<T> = [T; 2];

impl Lanes for Avx2 {
    #[inline(always)]
    fn f16x16(self, bytes: &[u8; 2 * TILE]) -> Row16 {
        let mut out = [0.0; TILE];
        for (out, bytes) in out.chunks_exact_mut(8).zip(bytes.chunks_exact(16)) {
            // SAFETY: `self` proves the instructions; 16 bytes are read and 8 floats written.
            unsafe {
                let halves = _mm_loadu_si128(bytes.as_ptr().cast());
                _mm256_storeu_ps(out.as_mut_ptr(), _mm256_cvtph_ps(halves));
            }
        }
        out
    }
}

impl Arch for Avx2 {
    const ROWS: usize = 2;

    #[inline(always)]
    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        out: &mut [Row16; N],
    ) {
        // SAFETY: `self` proves the instructions; loads and stores are of arrays of 16 floats.
        unsafe {
            let mut c: [Pair<__m256>; N] = from_fn(|n| load(&out[n]));
            for block in 0..blocks {
                let scale = panel.scale[block].each_ref().map(|s| load(s));
                let min = panel.min[block].each_ref().map(|m| load(m));
                for n in 0..N {
                    let x = &x[n];
                    let first = dot::<S>(panel, block, 0, x);
                    let second = dot::<S>(panel, block, 4, x);
                    for h in 0..2 {
                        let product = if S::HALVES {
                            let first = _mm256_mul_ps(_mm256_cvtepi32_ps(first[h]), scale[0][h]);
                            _mm256_fmadd_ps(_mm256_cvtepi32_ps(second[h]), scale[1][h], first)
                        } else {
                            let sum = _mm256_add_epi32(first[h], second[h]);
                            _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale[0][h])
                        };
                        let d = _mm256_set1_ps(x.scale[block]);
                        let mut sum = _mm256_fmadd_ps(product, d, c[n][h]);
                        match (S::MINIMUM, S::HALVES) {
                            (false, _) => {}
                            (true, false) => {
                                let x = _mm256_set1_ps(x.sum[block]);
                                sum = _mm256_fmadd_ps(min[0][h], x, sum);
                            }
                            (true, true) => {
                                let x = x.half_sum[block].map(|x| _mm256_set1_ps(x));
                                sum = _mm256_fmadd_ps(min[0][h], x[0], sum);
                                sum = _mm256_fmadd_ps(min[1][h], x[1], sum);
                            }
                        }
                        c[n][h] = sum;
                    }
                }
            }
            for (out, c) in out.iter_mut().zip(c) {
                store(out, c);
            }
        }
    }

    #[inline(always)]
    fn multiply_floats<const N: usize>(
        self,
        floats: &[Row16],
        x: &[f32],
        cols: usize,
        out: &mut [Row16; N],
    ) {
        let x: [&[f32]; N] = from_fn(|n| &x[n * cols..][..floats.len()]);
        // SAFETY: `self` proves the instructions; loads and stores are of arrays of 16 floats.
        unsafe {
            let mut sums = [[_mm256_setzero_ps(); 2]; N];
            for (k, line) in floats.iter().enumerate() {
                let w = load(line);
                for n in 0..N {
                    let x = _mm256_set1_ps(x[n][k]);
                    sums[n] = from_fn(|h| _mm256_fmadd_ps(x, w[h], sums[n][h]));
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                let old = load(out);
                store(out, from_fn(|h| _mm256_add_ps(old[h], sum[h])));
            }
        }
    }
}

/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn load(row: &Row16) -> Pair<__m256> {
    // SAFETY: eight floats are read from 0 and from 8 of sixteen.
    from_fn(|h| unsafe { _mm256_loadu_ps(row.as_ptr().add(8 * h)) })
}

/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn store(row: &mut Row16, value: Pair<__m256>) {
    for (out, value) in row.chunks_exact_mut(8).zip(value) {
        // SAFETY: `out` has eight floats.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), value) }
    }
}

/// The sums of the products of four groups of a block, from `first` on, without bias.
///
/// The multiply-add of bytes takes an unsigned and a signed operand and saturates sums of two
/// products at 16 bits. It never does so here: with a minimum, bytes are at most 31, so that even
/// the sums of eight products are below 8 * 31 * 127 = 31496; without one, magnitudes are at most
/// 128, and 2 * 128 * 127 = 32512. (The sign of the weight moves to the activation, which is never
/// -128.)
///
/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn dot<S: Scheme>(panel: &Panel, block: usize, first: usize, x: &RowChunk) -> Pair<__m256i> {
    let groups = first..first + 4;
    let lines = panel.q[block][groups.clone()].iter();
    let groups = lines.zip(&x.q[block].as_chunks::<4>().0[groups]);
    // SAFETY: the caller proves the instructions; 32 bytes are read from 0 and from 32 of 64.
    from_fn(|h| unsafe {
        let ones = _mm256_set1_epi16(1);
        let mut sum = _mm256_setzero_si256();
        for (line, four) in groups.clone() {
            let w = _mm256_loadu_si256(line.as_ptr().add(8 * h).cast());
            let four = _mm256_set1_epi32(i32::from_le_bytes(four.map(|x| x as u8)));
            sum = if S::MINIMUM {
                _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, four))
            } else {
                let w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
                let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(four, w));
                _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones))
            };
        }
        if S::MINIMUM { _mm256_madd_epi16(sum, ones) } else { sum }
    })
}
