//! Sixteen lanes in two 256-bit registers (AVX2, FMA and F16C). The inner loops are in `avx2_products`;
//! with integer dot products they are those of `avx_vnni`.

use std::arch::x86_64::*;

use super::super::panel::{Lanes, Line, Row16};
use super::super::tile::TILE;
use super::reading::Cache;

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

/// Sixteen lanes: two registers.
pub(super) type Words = [__m256i; 2];
/// Sixteen lanes: two registers.
pub(super) type Floats = [__m256; 2];

impl<const VNNI: bool> Lanes for Avx2<VNNI> {
    type Words = Words;
    type Floats = Floats;
    const REGISTERS: usize = 2;

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
    fn fetch(self, line: *const u8, cache: Cache) {
        fetch(line, cache);
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

    #[inline(always)]
    fn larger(self, a: Floats, b: Floats) -> Floats {
        // Of a pair with a NaN the instruction gives the second operand.
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_max_ps(b[0], a[0]), _mm256_max_ps(b[1], a[1])] }
    }
}

/// See [`Lanes::fetch`].
#[inline(always)]
pub(super) fn fetch(line: *const u8, cache: Cache) {
    // SAFETY: a prefetch is a hint: it reads nothing and cannot fault at any address.
    unsafe {
        match cache {
            Cache::First => _mm_prefetch::<_MM_HINT_T0>(line.cast()),
            Cache::Second => _mm_prefetch::<_MM_HINT_T1>(line.cast()),
        }
    }
}

/// `a + b`, in 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add(a: Words, b: Words) -> Words {
    [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
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
