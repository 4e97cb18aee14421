//! The inner loops with 256-bit registers (AVX2, FMA and F16C). With integer dot products they are
//! those of `avx_vnni`.

use std::arch::x86_64::*;
use std::hint::black_box;

use super::super::panel::{Lanes, Line, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::arch::{Arch, SPINS};
use super::entry_points::entry_points;
use super::soon::Soon;

/// The proof that this processor has AVX2, FMA and F16C; with `VNNI`, AVX-VNNI too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2<const VNNI: bool>(());

impl Avx2<false> {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has.then_some(Avx2(()))
    }

    /// The same with integer dot products.
    pub(super) fn with_vnni(self) -> Option<Avx2<true>> {
        is_x86_feature_detected!("avxvnni").then_some(Avx2(()))
    }
}

entry_points!(Avx2<false>, "avx2,fma,f16c");

/// Sixteen lanes: two registers.
type Words = [__m256i; 2];
/// Sixteen lanes: two registers.
type Floats = [__m256; 2];

impl<const VNNI: bool> Lanes for Avx2<VNNI> {
    type Words = Words;
    type Floats = Floats;

    #[inline(always)]
    fn load(self, bytes: &[u8; 4 * TILE]) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            [
                _mm256_loadu_si256(bytes.as_ptr().cast::<__m256i>()),
                _mm256_loadu_si256(bytes.as_ptr().cast::<__m256i>().add(1)),
            ]
        }
    }

    #[inline(always)]
    fn line(self, line: &Line) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            [
                _mm256_loadu_si256(line.as_ptr().cast::<__m256i>()),
                _mm256_loadu_si256(line.as_ptr().cast::<__m256i>().add(1)),
            ]
        }
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8; TILE]) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
            let high = _mm_srli_si128(bytes, 8);
            [_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(high)]
        }
    }

    #[inline(always)]
    fn widen_signed(self, bytes: &[u8; TILE]) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
            let high = _mm_srli_si128(bytes, 8);
            [_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(high)]
        }
    }

    #[inline(always)]
    fn store_bytes(self, words: Words, bytes: &mut [u8; 4 * TILE]) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = bytes.as_mut_ptr().cast::<__m256i>();
            _mm256_storeu_si256(bytes, words[0]);
            _mm256_storeu_si256(bytes.add(1), words[1]);
        }
    }

    #[inline(always)]
    fn store(self, words: Words, line: &mut Line) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let line = line.as_mut_ptr().cast::<__m256i>();
            _mm256_storeu_si256(line, words[0]);
            _mm256_storeu_si256(line.add(1), words[1]);
        }
    }

    #[inline(always)]
    fn bits(self, words: Words, shift: u32, mask: u8) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let (shift, mask) = (_mm_cvtsi32_si128(shift as i32), _mm256_set1_epi8(mask as i8));
            [
                _mm256_and_si256(_mm256_srl_epi32(words[0], shift), mask),
                _mm256_and_si256(_mm256_srl_epi32(words[1], shift), mask),
            ]
        }
    }

    #[inline(always)]
    fn byte(self, words: Words, index: usize) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let (shift, mask) = (_mm_cvtsi32_si128(8 * index as i32), _mm256_set1_epi32(255));
            [
                _mm256_and_si256(_mm256_srl_epi32(words[0], shift), mask),
                _mm256_and_si256(_mm256_srl_epi32(words[1], shift), mask),
            ]
        }
    }

    #[inline(always)]
    fn turn(self, words: Words, left: i32, mask: u8) -> Words {
        if left < 0 {
            return self.bits(words, left.unsigned_abs(), mask);
        }
        // SAFETY: `self` proves the instructions.
        unsafe {
            let (left, mask) = (_mm_cvtsi32_si128(left), _mm256_set1_epi8(mask as i8));
            [
                _mm256_and_si256(_mm256_sll_epi32(words[0], left), mask),
                _mm256_and_si256(_mm256_sll_epi32(words[1], left), mask),
            ]
        }
    }

    #[inline(always)]
    fn or(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_or_si256(a[0], b[0]), _mm256_or_si256(a[1], b[1])] }
    }

    #[inline(always)]
    fn add(self, words: Words, n: u8) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let n = _mm256_set1_epi8(n as i8);
            [_mm256_add_epi8(words[0], n), _mm256_add_epi8(words[1], n)]
        }
    }

    #[inline(always)]
    fn xor(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_xor_si256(a[0], b[0]), _mm256_xor_si256(a[1], b[1])] }
    }

    #[inline(always)]
    fn spread(self, words: Words, shift: u32) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            // The product holds the four bits four times, seven places further each time, so that
            // bit j stands at 8 j + 4 once; nothing overlaps.
            let (shift, mask) = (_mm_cvtsi32_si128(shift as i32), _mm256_set1_epi32(15));
            let copies = _mm256_set1_epi32(1 << 4 | 1 << 11 | 1 << 18 | 1 << 25);
            let sixteen = _mm256_set1_epi8(16);
            let low = _mm256_and_si256(_mm256_srl_epi32(words[0], shift), mask);
            let high = _mm256_and_si256(_mm256_srl_epi32(words[1], shift), mask);
            [
                _mm256_and_si256(_mm256_mullo_epi32(low, copies), sixteen),
                _mm256_and_si256(_mm256_mullo_epi32(high, copies), sixteen),
            ]
        }
    }

    #[inline(always)]
    fn look_up(self, table: &[u8; 16], words: Words) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast()));
            [_mm256_shuffle_epi8(table, words[0]), _mm256_shuffle_epi8(table, words[1])]
        }
    }

    #[inline(always)]
    fn prefetch(self, bytes: &[u8], ahead: usize) {
        for line in (0..bytes.len()).step_by(64) {
            let address = bytes.as_ptr().wrapping_add(ahead + line);
            // SAFETY: a prefetch is a hint: it reads nothing and cannot fault at any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        }
    }

    #[inline(always)]
    fn floats(self, words: Words) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_cvtepi32_ps(words[0]), _mm256_cvtepi32_ps(words[1])] }
    }

    #[inline(always)]
    fn row(self, row: &Row16) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { [_mm256_loadu_ps(row.as_ptr()), _mm256_loadu_ps(row.as_ptr().add(8))] }
    }

    #[inline(always)]
    fn row_of_bytes(self, bytes: &[u8; 4 * TILE]) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = bytes.as_ptr().cast::<f32>();
            [_mm256_loadu_ps(bytes), _mm256_loadu_ps(bytes.add(8))]
        }
    }

    #[inline(always)]
    fn f16(self, bytes: &[u8; 2 * TILE]) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = bytes.as_ptr().cast::<__m128i>();
            [
                _mm256_cvtph_ps(_mm_loadu_si128(bytes)),
                _mm256_cvtph_ps(_mm_loadu_si128(bytes.add(1))),
            ]
        }
    }

    #[inline(always)]
    fn bf16(self, bytes: &[u8; 2 * TILE]) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = bytes.as_ptr().cast::<__m128i>();
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(bytes));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(bytes.add(1)));
            [
                _mm256_castsi256_ps(_mm256_slli_epi32(low, 16)),
                _mm256_castsi256_ps(_mm256_slli_epi32(high, 16)),
            ]
        }
    }

    #[inline(always)]
    fn store_row(self, floats: Floats, row: &mut Row16) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            _mm256_storeu_ps(row.as_mut_ptr(), floats[0]);
            _mm256_storeu_ps(row.as_mut_ptr().add(8), floats[1]);
        }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_set1_ps(x); 2] }
    }

    #[inline(always)]
    fn plus(self, a: Floats, b: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn times(self, a: Floats, b: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn fma(self, a: Floats, b: Floats, c: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
}

impl Arch for Avx2<false> {
    const ROWS: usize = 2;
    const FLOAT_ROWS: usize = 6;

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
        for n in 0..N {
            let x = &x[n];
            let first = dot::<S>(panel, block, 0, half, x);
            let second = dot::<S>(panel, block, 4, half, x);
            let scale = load(&panel.scale[block][0], half);
            let product = if S::HALVES {
                let first = _mm256_mul_ps(_mm256_cvtepi32_ps(first), scale);
                let scale = load(&panel.scale[block][1], half);
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(second), scale, first)
            } else {
                _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(first, second)), scale)
            };
            c[n] = _mm256_fmadd_ps(product, _mm256_set1_ps(x.scale[block]), c[n]);
            if S::MINIMUM && S::HALVES {
                for h in 0..2 {
                    let sum = _mm256_set1_ps(x.half_sum[block][h]);
                    c[n] = _mm256_fmadd_ps(load(&panel.min[block][h], half), sum, c[n]);
                }
            } else if S::MINIMUM {
                let sum = _mm256_set1_ps(x.sum[block]);
                c[n] = _mm256_fmadd_ps(load(&panel.min[block][0], half), sum, c[n]);
            }
        }
    }
    for n in 0..N {
        store(&mut out[n], half, c[n]);
    }
}

/// The sums of the products of four groups of a block, from `first` on, without bias.
///
/// The multiply-add of bytes takes an unsigned and a signed operand and saturates sums of two
/// products at 16 bits. It never does so here: with a minimum, bytes are at most 31, so that even
/// the sums of eight products are below 8 * 31 * 127 = 31496; without one, magnitudes are at most
/// 128, and 2 * 128 * 127 = 32512. (The sign of the weight moves to the activation, which is never
/// -128.)
#[inline]
#[target_feature(enable = "avx2,fma")]
fn dot<S: Scheme>(panel: &Panel, block: usize, first: usize, half: usize, x: &RowChunk) -> __m256i {
    let ones = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    for group in first..first + 4 {
        let line = &panel.q[block][group][8 * half..][..8];
        // SAFETY: the load is of a slice of 32 bytes.
        let w = unsafe { _mm256_loadu_si256(line.as_ptr().cast()) };
        let four = _mm256_set1_epi32(x.four(block, group));
        sum = if S::MINIMUM {
            _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, four))
        } else {
            let w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(four, w));
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones))
        };
    }
    if S::MINIMUM { _mm256_madd_epi16(sum, ones) } else { sum }
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

#[target_feature(enable = "avx2,fma")]
fn spin_int8(rounds: usize) -> u64 {
    let (x, w) = black_box((_mm256_set1_epi8(1), _mm256_set1_epi8(1)));
    let ones = black_box(_mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); SPINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            // The sum takes part in the product, so that it cannot be taken out of the loop.
            let pairs = _mm256_maddubs_epi16(w, _mm256_xor_si256(x, *sum));
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    black_box(sums);
    // 32 products and 32 additions each.
    (64 * rounds * SPINS) as u64
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(row: &Row16, half: usize) -> __m256 {
    let eight = &row[8 * half..][..8];
    // SAFETY: eight floats are read.
    unsafe { _mm256_loadu_ps(eight.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(row: &mut Row16, half: usize, value: __m256) {
    let eight = &mut row[8 * half..][..8];
    // SAFETY: eight floats are written.
    unsafe { _mm256_storeu_ps(eight.as_mut_ptr(), value) }
}
