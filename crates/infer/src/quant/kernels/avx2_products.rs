//! The inner loops with 256-bit registers, without integer dot products.
//!
//! The multiply-add of bytes takes an unsigned and a signed operand, adds two products, and saturates at
//! 16 bits. Integers that a format has as 0 to [`Scheme::LARGEST`] are its unsigned operand as they are,
//! and sums of a few pairs fit: with activations of -127 to 127,
//!
//! ```text
//! at most 15    sixteen products   16 · 15 · 127 = 30480
//! at most 31    eight              8 · 31 · 127  = 31496
//! at most 63    four               4 · 63 · 127  = 32004
//! ```
//!
//! Only then are they widened to 32 bits, and what was added to the integers taken off. Larger integers
//! have signs, whose magnitudes are at most 128: two products fit, 2 · 128 · 127 = 32512, when the sign
//! moves to the activation.

use std::arch::x86_64::*;
use std::hint::black_box;
use std::sync::atomic::{Ordering, compiler_fence};

use super::super::panel::{GROUPS, Line, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::arch::{Arch, SPINS};
use super::avx2::{Avx2, Words, add, load, store};
use super::entry_points::entry_points;
use super::soon::Soon;

entry_points!(Avx2<false>, "avx2,fma,f16c");

/// Groups of four elements whose products are added in 16 bits; with one, 32 bits are needed.
const fn chain<S: Scheme>() -> usize {
    match S::LARGEST {
        0..=15 => 8,
        16..=31 => 4,
        32..=63 => 2,
        64.. => 1,
    }
}

/// The sums of the halves of a block.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    /// In 16 bits, of the groups since the last ones that were widened.
    pairs: [Words; 2],
    /// In 32 bits.
    wide: [Words; 2],
    bias: [i32; 2],
}

impl Arch for Avx2<false> {
    const ROWS: usize = 4;
    const FLOAT_ROWS: usize = 6;
    const PLAIN_ROWS: usize = 3;
    const AHEAD: usize = 1;
    const DIRECT: usize = 1;
    type Panels<S: Scheme> = S;
    type Single<S: Scheme> = S;
    type Sums = Sums;

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
    fn begin(self, bias: [i32; 2]) -> Sums {
        // SAFETY: see above.
        let none = unsafe { [[_mm256_setzero_si256(); 2]; 2] };
        Sums { pairs: none, wide: none, bias }
    }

    #[inline(always)]
    fn dot<S: Scheme>(self, sums: &mut Sums, group: usize, w: Words, x: i32) {
        let half = group / (GROUPS / 2);
        // SAFETY: see above.
        unsafe {
            let x = _mm256_set1_epi32(x);
            if chain::<S>() == 1 {
                let (w, wide) = ([signed::<S>(w[0]), signed::<S>(w[1])], &mut sums.wide[half]);
                wide[0] = add_signed(wide[0], _mm256_abs_epi8(w[0]), w[0], x);
                wide[1] = add_signed(wide[1], _mm256_abs_epi8(w[1]), w[1], x);
                return;
            }
            // What several blocks are packed in is loaded for each: the compiler would load it once, a whole
            // chunk ahead, and has no registers to keep it in. (Of Q2_K, which has minimums of halves, it does not.)
            if !(S::HALVES && S::MINIMUM) {
                compiler_fence(Ordering::SeqCst);
            }
            let pairs = &mut sums.pairs[half];
            pairs[0] = _mm256_add_epi16(pairs[0], _mm256_maddubs_epi16(w[0], x));
            pairs[1] = _mm256_add_epi16(pairs[1], _mm256_maddubs_epi16(w[1], x));
            // Groups 2 k and 2 k + 1 come one after the other.
            if chain::<S>() == 2 && group % 2 == 1 {
                sums.wide[half] = add(sums.wide[half], widened_both(*pairs));
                *pairs = [_mm256_setzero_si256(); 2];
            }
        }
    }

    #[inline(always)]
    fn halves<S: Scheme>(self, sums: Sums) -> [Words; 2] {
        // SAFETY: see above.
        unsafe {
            let [first, second] = wide::<S>(sums);
            [biased::<S>(first, sums.bias[0]), biased::<S>(second, sums.bias[1])]
        }
    }

    #[inline(always)]
    fn whole<S: Scheme>(self, sums: Sums) -> Words {
        // SAFETY: see above.
        unsafe {
            let sum = if chain::<S>() == 8 {
                widened_both(add16(sums.pairs[0], sums.pairs[1]))
            } else {
                let [first, second] = wide::<S>(sums);
                add(first, second)
            };
            biased::<S>(sum, sums.bias[0])
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

/// `sum`, in 32 bits, and the products of signed integers, whose magnitudes are given, too.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_signed(sum: __m256i, magnitude: __m256i, w: __m256i, x: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, w));
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// Sums of 16 bits, widened to 32, two added to one.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn widened(pairs: __m256i) -> __m256i {
    _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn widened_both(pairs: Words) -> Words {
    [widened(pairs[0]), widened(pairs[1])]
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn add16(a: Words, b: Words) -> Words {
    [_mm256_add_epi16(a[0], b[0]), _mm256_add_epi16(a[1], b[1])]
}

/// The sums of both halves in 32 bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn wide<S: Scheme>(sums: Sums) -> [Words; 2] {
    match chain::<S>() {
        1 | 2 => sums.wide,
        _ => [widened_both(sums.pairs[0]), widened_both(sums.pairs[1])],
    }
}

/// Sums with `bias`, which takes off what was added to the integers; signed ones had nothing added.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn biased<S: Scheme>(sums: Words, bias: i32) -> Words {
    match chain::<S>() == 1 || S::MINIMUM {
        true => sums,
        false => add(sums, [_mm256_set1_epi32(bias); 2]),
    }
}

/// Eight of the sixteen rows, a register's worth: then the sums of four activation rows stay in
/// registers.
#[target_feature(enable = "avx2,fma")]
fn multiply<S: Scheme, const N: usize>(
    isa: Avx2<false>,
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
        let mut product = [_mm256_setzero_ps(); N];
        if S::HALVES {
            let first = dot::<S, 4, N>(panel, block, 0, half, x);
            let scale = load(&panel.scale[block][0], half);
            for n in 0..N {
                let sum = unbiased::<S>(first[n], x[n].half_bias[block][0]);
                product[n] = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
            }
            let second = dot::<S, 4, N>(panel, block, 4, half, x);
            let scale = load(&panel.scale[block][1], half);
            for n in 0..N {
                let sum = unbiased::<S>(second[n], x[n].half_bias[block][1]);
                product[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, product[n]);
            }
        } else {
            let sums = dot::<S, 8, N>(panel, block, 0, half, x);
            let scale = load(&panel.scale[block][0], half);
            for n in 0..N {
                let sum = unbiased::<S>(sums[n], x[n].bias[block]);
                product[n] = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
            }
        }
        for n in 0..N {
            c[n] = _mm256_fmadd_ps(product[n], _mm256_set1_ps(x[n].scale[block]), c[n]);
            c[n] = add_minimums::<S>(panel, block, half, &x[n], c[n]);
        }
    }
    for n in 0..N {
        store(&mut out[n], half, c[n]);
    }
}

/// The sum without what was added to the integers: `bias` is -128 times the sum of the activations.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn unbiased<S: Scheme>(sum: __m256i, bias: i32) -> __m256i {
    if chain::<S>() == 1 || S::MINIMUM {
        return sum;
    }
    let shift = _mm_cvtsi32_si128(7 - S::ZERO.trailing_zeros() as i32);
    _mm256_add_epi32(sum, _mm256_sra_epi32(_mm256_set1_epi32(bias), shift))
}

/// Adds a block's minimums times the sums of its activations, for formats that have minimums.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_minimums<S: Scheme>(
    panel: &Panel,
    block: usize,
    half: usize,
    x: &RowChunk,
    mut c: __m256,
) -> __m256 {
    if S::MINIMUM && S::HALVES {
        for part in 0..2 {
            let sum = _mm256_set1_ps(x.half_sum[block][part]);
            c = _mm256_fmadd_ps(load(&panel.min[block][part], half), sum, c);
        }
    } else if S::MINIMUM {
        let sum = _mm256_set1_ps(x.sum[block]);
        c = _mm256_fmadd_ps(load(&panel.min[block][0], half), sum, c);
    }
    c
}

/// The sums of the products of `COUNT` groups of a block, from `first` on.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn dot<S: Scheme, const COUNT: usize, const N: usize>(
    panel: &Panel,
    block: usize,
    first: usize,
    half: usize,
    x: &[RowChunk; N],
) -> [__m256i; N] {
    let mut sums = [_mm256_setzero_si256(); N];
    let chain = if chain::<S>() < COUNT { chain::<S>() } else { COUNT };
    for from in (first..first + COUNT).step_by(chain) {
        if chain == 1 {
            sums = dot_signed::<S, N>(panel, block, from, half, x, sums);
            continue;
        }
        let mut pairs = [_mm256_setzero_si256(); N];
        for group in from..from + chain {
            let w = words(&panel.q[block][group], half);
            for n in 0..N {
                let x = _mm256_set1_epi32(x[n].four(block, group));
                pairs[n] = _mm256_add_epi16(pairs[n], _mm256_maddubs_epi16(w, x));
            }
        }
        for n in 0..N {
            sums[n] = _mm256_add_epi32(sums[n], widened(pairs[n]));
        }
    }
    sums
}

/// The sums and the products of a group of large integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn dot_signed<S: Scheme, const N: usize>(
    panel: &Panel,
    block: usize,
    group: usize,
    half: usize,
    x: &[RowChunk; N],
    mut sums: [__m256i; N],
) -> [__m256i; N] {
    let w = signed::<S>(words(&panel.q[block][group], half));
    let magnitude = _mm256_abs_epi8(w);
    for n in 0..N {
        let x = _mm256_set1_epi32(x[n].four(block, group));
        sums[n] = add_signed(sums[n], magnitude, w, x);
    }
    sums
}

/// Integers without what was added to them.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn signed<S: Scheme>(w: __m256i) -> __m256i {
    _mm256_sub_epi8(w, _mm256_set1_epi8(S::ZERO as i8))
}

/// Eight of a line's sixteen words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn words(line: &Line, half: usize) -> __m256i {
    let eight = &line[8 * half..][..8];
    // SAFETY: eight words are read.
    unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn multiply_floats<const N: usize>(
    floats: &[Row16],
    x: &[f32],
    cols: usize,
    out: &mut [Row16; N],
) {
    let mut rows = [x; N];
    for n in 0..N {
        rows[n] = &x[n * cols..][..floats.len()];
    }
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for k in 0..floats.len() {
        let w = [load(&floats[k], 0), load(&floats[k], 1)];
        for n in 0..N {
            let x = _mm256_set1_ps(rows[n][k]);
            sums[n][0] = _mm256_fmadd_ps(x, w[0], sums[n][0]);
            sums[n][1] = _mm256_fmadd_ps(x, w[1], sums[n][1]);
        }
    }
    for n in 0..N {
        for (half, sum) in sums[n].into_iter().enumerate() {
            let sum = _mm256_add_ps(load(&out[n], half), sum);
            store(&mut out[n], half, sum);
        }
    }
}

/// The products of bytes with sums in 16 bits, which is what there is the most of.
#[target_feature(enable = "avx2,fma")]
fn spin_int8(rounds: usize) -> u64 {
    let (x, w) = black_box((_mm256_set1_epi8(1), _mm256_set1_epi8(1)));
    let mut sums = [_mm256_setzero_si256(); SPINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            // The sum takes part in the product, so that it cannot be taken out of the loop.
            *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(_mm256_xor_si256(w, *sum), x));
        }
    }
    black_box(sums);
    // 32 products and 32 additions each.
    (64 * rounds * SPINS) as u64
}
