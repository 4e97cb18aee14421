//! The inner loops with 512-bit registers and integer dot products (AVX-512 F, BW and VNNI).

use std::arch::x86_64::*;
use std::array::from_fn;

use super::super::panel::{Lanes, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::arch::Arch;
use super::entry_points::entry_points;

/// The proof that this processor has AVX-512 F, BW and VNNI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        has.then_some(Avx512(()))
    }
}

entry_points!(Avx512, "avx512f,avx512bw,avx512vnni,avx2,fma");

impl Lanes for Avx512 {
    #[inline(always)]
    fn f16x16(self, bytes: &[u8; 2 * TILE]) -> Row16 {
        let mut out = [0.0; TILE];
        // SAFETY: `self` proves the instructions; 32 bytes are read and 16 floats written.
        unsafe {
            let halves = _mm256_loadu_si256(bytes.as_ptr().cast());
            _mm512_storeu_ps(out.as_mut_ptr(), _mm512_cvtph_ps(halves));
        }
        out
    }
}

impl Arch for Avx512 {
    const ROWS: usize = 8;

    #[inline(always)]
    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        out: &mut [Row16; N],
    ) {
        // SAFETY: `self` proves the instructions; every load is of an array of 64 bytes, every
        // broadcast of an element that is indexed.
        unsafe {
            let mut c: [__m512; N] = from_fn(|n| _mm512_loadu_ps(out[n].as_ptr()));
            for block in 0..blocks {
                let scale = panel.scale[block].each_ref().map(|s| _mm512_loadu_ps(s.as_ptr()));
                let min = panel.min[block].each_ref().map(|m| _mm512_loadu_ps(m.as_ptr()));
                let start = |bias: i32| _mm512_set1_epi32(if S::MINIMUM { 0 } else { bias });
                let product: [__m512; N] = if S::HALVES {
                    let first = from_fn(|n| start(x[n].half_bias[block][0]));
                    let second = from_fn(|n| start(x[n].half_bias[block][1]));
                    let first = dot(panel, block, 0, x, first);
                    let second = dot(panel, block, 4, x, second);
                    from_fn(|n| {
                        let first = _mm512_mul_ps(_mm512_cvtepi32_ps(first[n]), scale[0]);
                        _mm512_fmadd_ps(_mm512_cvtepi32_ps(second[n]), scale[1], first)
                    })
                } else {
                    let sum = from_fn(|n| start(x[n].bias[block]));
                    let sum = dot(panel, block, 0, x, sum);
                    let sum = dot(panel, block, 4, x, sum);
                    from_fn(|n| _mm512_mul_ps(_mm512_cvtepi32_ps(sum[n]), scale[0]))
                };
                for n in 0..N {
                    let d = _mm512_set1_ps(x[n].scale[block]);
                    c[n] = _mm512_fmadd_ps(product[n], d, c[n]);
                    match (S::MINIMUM, S::HALVES) {
                        (false, _) => {}
                        (true, false) => {
                            c[n] = _mm512_fmadd_ps(min[0], _mm512_set1_ps(x[n].sum[block]), c[n]);
                        }
                        (true, true) => {
                            let [first, second] = x[n].half_sum[block];
                            c[n] = _mm512_fmadd_ps(min[0], _mm512_set1_ps(first), c[n]);
                            c[n] = _mm512_fmadd_ps(min[1], _mm512_set1_ps(second), c[n]);
                        }
                    }
                }
            }
            for (out, c) in out.iter_mut().zip(c) {
                _mm512_storeu_ps(out.as_mut_ptr(), c);
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
            let mut sums = [_mm512_setzero_ps(); N];
            for (k, line) in floats.iter().enumerate() {
                let w = _mm512_loadu_ps(line.as_ptr());
                for n in 0..N {
                    sums[n] = _mm512_fmadd_ps(_mm512_set1_ps(x[n][k]), w, sums[n]);
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                let out = out.as_mut_ptr();
                _mm512_storeu_ps(out, _mm512_add_ps(_mm512_loadu_ps(out), sum));
            }
        }
    }
}

/// Adds four groups of a block, from `first` on, to the sums. The dot product instruction adds
/// four products of an unsigned and a signed byte to 32 bits, exactly.
///
/// # Safety
///
/// The processor has AVX-512 VNNI.
#[inline(always)]
unsafe fn dot<const N: usize>(
    panel: &Panel,
    block: usize,
    first: usize,
    x: &[RowChunk; N],
    mut sums: [__m512i; N],
) -> [__m512i; N] {
    for group in first..first + 4 {
        // SAFETY: the caller proves the instructions; the load is of an array of 64 bytes.
        unsafe {
            let w = _mm512_loadu_si512(panel.q[block][group].as_ptr().cast());
            for n in 0..N {
                let four = x[n].q[block].as_chunks::<4>().0[group].map(|x| x as u8);
                let four = _mm512_set1_epi32(i32::from_le_bytes(four));
                sums[n] = _mm512_dpbusd_epi32(sums[n], w, four);
            }
        }
    }
    sums
}
