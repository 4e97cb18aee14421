//! The inner loops with 256-bit registers and integer dot products (AVX-VNNI), which processors
//! without AVX-512 have. Everything but the products of bytes is `avx2`'s.

use std::arch::x86_64::*;
use std::hint::black_box;

use super::super::panel::{GROUPS, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::arch::{Arch, SPINS};
use super::avx2::{Avx2, Words, add, load, store};
use super::avx2_products::multiply_floats;
use super::entry_points::entry_points;
use super::soon::Soon;

entry_points!(Avx2<true>, "avx2,fma,f16c,avxvnni");

impl Arch for Avx2<true> {
    const ROWS: usize = 4;
    const FLOAT_ROWS: usize = 6;
    const PLAIN_ROWS: usize = 3;
    const AHEAD: usize = 1;
    const DIRECT: usize = 4;

    type Panels<S: Scheme> = S::Any;
    type Single<S: Scheme> = S;
    type Sums = [Words; 2];

    #[inline(always)]
    fn begin(self, bias: [i32; 2]) -> Self::Sums {
        // SAFETY: `self` proves the instructions.
        unsafe { [[_mm256_set1_epi32(bias[0]); 2], [_mm256_set1_epi32(bias[1]); 2]] }
    }

    #[inline(always)]
    fn dot<S: Scheme>(self, sums: &mut Self::Sums, group: usize, w: Words, x: i32) {
        let sum = &mut sums[group / (GROUPS / 2)];
        // SAFETY: `self` proves the instructions.
        unsafe {
            let x = _mm256_set1_epi32(x);
            sum[0] = _mm256_dpbusd_avx_epi32(sum[0], w[0], x);
            sum[1] = _mm256_dpbusd_avx_epi32(sum[1], w[1], x);
        }
    }

    #[inline(always)]
    fn halves<S: Scheme>(self, sums: Self::Sums) -> [Words; 2] {
        sums
    }

    #[inline(always)]
    fn whole<S: Scheme>(self, sums: Self::Sums) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { add(sums[0], sums[1]) }
    }

    #[inline(always)]
    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        soon: Soon<'_>,
        out: &mut [Row16; N],
    ) {
        for (half, soon) in [soon, Soon::NONE].into_iter().enumerate() {
            // SAFETY: `self` proves the instructions; the same holds below.
            unsafe { multiply::<S, N>(self, panel, blocks, half, x, soon, out) }
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
        // SAFETY: see above.
        unsafe { multiply_floats::<N>(floats, x, cols, out) }
    }

    #[inline(always)]
    fn spin_int8(self, rounds: usize) -> u64 {
        // SAFETY: see above.
        unsafe { spin_int8(rounds) }
    }
}

// The functions below have no closures: a closure would not be compiled for these instructions.

/// Eight of the sixteen rows: a register's worth.
#[target_feature(enable = "avx2,fma,avxvnni")]
fn multiply<S: Scheme, const N: usize>(
    isa: Avx2<true>,
    panel: &Panel,
    blocks: usize,
    half: usize,
    x: &[RowChunk; N],
    soon: Soon<'_>,
    out: &mut [Row16; N],
) {
    let mut c = [_mm256_setzero_ps(); N];
    for n in 0..N {
        c[n] = load(&out[n], half);
    }
    for block in 0..blocks {
        soon.ask_share(isa, block);
        let mut first = [_mm256_setzero_si256(); N];
        let mut second = first;
        if !S::MINIMUM {
            for n in 0..N {
                if S::HALVES {
                    first[n] = _mm256_set1_epi32(x[n].half_bias[block][0]);
                    second[n] = _mm256_set1_epi32(x[n].half_bias[block][1]);
                } else {
                    first[n] = _mm256_set1_epi32(x[n].bias[block]);
                }
            }
        }
        first = dot(panel, block, 0, half, x, first);
        let mut product = [_mm256_setzero_ps(); N];
        if S::HALVES {
            second = dot(panel, block, 4, half, x, second);
            let scale = [load(&panel.scale[block][0], half), load(&panel.scale[block][1], half)];
            for n in 0..N {
                product[n] = _mm256_mul_ps(_mm256_cvtepi32_ps(first[n]), scale[0]);
                let second = _mm256_cvtepi32_ps(second[n]);
                product[n] = _mm256_fmadd_ps(second, scale[1], product[n]);
            }
        } else {
            first = dot(panel, block, 4, half, x, first);
            let scale = load(&panel.scale[block][0], half);
            for n in 0..N {
                product[n] = _mm256_mul_ps(_mm256_cvtepi32_ps(first[n]), scale);
            }
        }
        for n in 0..N {
            c[n] = _mm256_fmadd_ps(product[n], _mm256_set1_ps(x[n].scale[block]), c[n]);
        }
        if S::MINIMUM {
            for part in 0..if S::HALVES { 2 } else { 1 } {
                let min = load(&panel.min[block][part], half);
                for n in 0..N {
                    let sum = if S::HALVES { x[n].half_sum[block][part] } else { x[n].sum[block] };
                    c[n] = _mm256_fmadd_ps(min, _mm256_set1_ps(sum), c[n]);
                }
            }
        }
    }
    for n in 0..N {
        store(&mut out[n], half, c[n]);
    }
}

/// Adds four groups of a block, from `first` on, to the sums. The dot product instruction adds
/// four products of an unsigned and a signed byte to 32 bits, exactly.
#[inline]
#[target_feature(enable = "avx2,fma,avxvnni")]
fn dot<const N: usize>(
    panel: &Panel,
    block: usize,
    first: usize,
    half: usize,
    x: &[RowChunk; N],
    mut sums: [__m256i; N],
) -> [__m256i; N] {
    for group in first..first + 4 {
        let line = &panel.q[block][group][8 * half..][..8];
        // SAFETY: the load is of a slice of 32 bytes.
        let w = unsafe { _mm256_loadu_si256(line.as_ptr().cast()) };
        for n in 0..N {
            let x = _mm256_set1_epi32(x[n].four(block, group));
            sums[n] = _mm256_dpbusd_avx_epi32(sums[n], w, x);
        }
    }
    sums
}

#[target_feature(enable = "avx2,fma,avxvnni")]
fn spin_int8(rounds: usize) -> u64 {
    let (x, w) = black_box((_mm256_set1_epi8(1), _mm256_set1_epi8(1)));
    let mut sums = [_mm256_setzero_si256(); SPINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_dpbusd_avx_epi32(*sum, w, x);
        }
    }
    black_box(sums);
    // 32 products and 32 additions each.
    (64 * rounds * SPINS) as u64
}
