//! The inner loops with 512-bit registers and integer dot products (AVX-512 F, BW and VNNI).

use std::arch::x86_64::*;
use std::hint::black_box;

use ulp_tensor::simd::amx::Int8;

use super::super::panel::{GROUPS, Lanes, Line, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::amx;
use super::arch::{Arch, PAIR_ROWS, SPINS};
use super::avx2::fetch;
use super::avx512_bf16::Avx512Bf16;
use super::entry_points::entry_points;
use super::reading::{Cache, Reading};
use super::soon::Soon;

/// The proof that this processor has AVX-512 F, BW and VNNI; that it multiplies pairs of bf16, and its matrix
/// unit, if it does and has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512 {
    bf16: Option<Avx512Bf16>,
    amx: Option<Int8>,
}

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        has.then_some(Avx512 { bf16: None, amx: None })
    }

    /// The same with products of pairs of bf16.
    pub(super) fn with_bf16(self) -> Option<Self> {
        Avx512Bf16::detect().map(|bf16| Avx512 { bf16: Some(bf16), ..self })
    }

    /// The same with the matrix unit.
    pub(super) fn with_amx(self) -> Option<Self> {
        Int8::detect().map(|amx| Avx512 { amx: Some(amx), ..self })
    }

    /// What multiplies pairs of bf16, if that is used.
    pub(super) fn bf16(self) -> Option<Avx512Bf16> {
        self.bf16
    }

    /// Up to how many rows numbers without blocks are multiplied as they are read.
    pub(super) fn few_plain_rows(reading: Reading) -> usize {
        match reading {
            Reading::SideBySide => 1,
            Reading::InOrder => <Avx512 as Arch>::PLAIN_ROWS,
        }
    }

    /// Whether the matrix unit is used.
    pub(super) fn has_amx(self) -> bool {
        self.amx.is_some()
    }
}

entry_points!(Avx512, "avx512f,avx512bw,avx512vnni,avx2,fma");

impl Lanes for Avx512 {
    type Words = __m512i;
    type Floats = __m512;
    const REGISTERS: usize = 1;

    #[inline(always)]
    fn load(self, bytes: &[u8; 4 * TILE]) -> __m512i {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn line(self, line: &Line) -> __m512i {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8; TILE]) -> __m512i {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn widen_signed(self, bytes: &[u8; TILE]) -> __m512i {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_cvtepi8_epi32(_mm_loadu_si128(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store_bytes(self, words: __m512i, bytes: &mut [u8; 4 * TILE]) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), words) }
    }

    #[inline(always)]
    fn store(self, words: __m512i, line: &mut Line) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_storeu_si512(line.as_mut_ptr().cast(), words) }
    }

    #[inline(always)]
    fn bits(self, words: __m512i, shift: u32, mask: u8) -> __m512i {
        // A turn is one operation for any number of places; a shift is two where the compiler does not
        // know the number.
        self.turn(words, -(shift as i32), mask)
    }

    #[inline(always)]
    fn byte(self, words: __m512i, index: usize) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe {
            _mm512_and_si512(
                _mm512_srlv_epi32(words, _mm512_set1_epi32(8 * index as i32)),
                _mm512_set1_epi32(255),
            )
        }
    }

    #[inline(always)]
    fn turn(self, words: __m512i, left: i32, mask: u8) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe {
            // What turns around a word's end is not in the mask.
            let turned = _mm512_rolv_epi32(words, _mm512_set1_epi32(left));
            _mm512_and_si512(turned, _mm512_set1_epi8(mask as i8))
        }
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    fn add(self, words: __m512i, n: u8) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_add_epi8(words, _mm512_set1_epi8(n as i8)) }
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn spread(self, words: __m512i, shift: u32) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe {
            // The product holds the four bits four times, seven places further each time, so that
            // bit j stands at 8 j + 4 once; nothing overlaps.
            let words = _mm512_srlv_epi32(words, _mm512_set1_epi32(shift as i32));
            let four = _mm512_and_si512(words, _mm512_set1_epi32(15));
            let copies = _mm512_set1_epi32(1 << 4 | 1 << 11 | 1 << 18 | 1 << 25);
            _mm512_and_si512(_mm512_mullo_epi32(four, copies), _mm512_set1_epi8(16))
        }
    }

    #[inline(always)]
    fn look_up(self, table: &[u8; 16], words: __m512i) -> __m512i {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let table = _mm512_broadcast_i32x4(_mm_loadu_si128(table.as_ptr().cast()));
            _mm512_shuffle_epi8(table, words)
        }
    }

    #[inline(always)]
    fn fetch(self, line: *const u8, cache: Cache) {
        fetch(line, cache);
    }

    #[inline(always)]
    fn floats(self, words: __m512i) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_cvtepi32_ps(words) }
    }

    #[inline(always)]
    fn row(self, row: &Row16) -> __m512 {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_loadu_ps(row.as_ptr()) }
    }

    #[inline(always)]
    fn row_of_bytes(self, bytes: &[u8; 4 * TILE]) -> __m512 {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_loadu_ps(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn f16(self, bytes: &[u8; 2 * TILE]) -> __m512 {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn bf16(self, bytes: &[u8; 2 * TILE]) -> __m512 {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(bytes.as_ptr().cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32(words, 16))
        }
    }

    #[inline(always)]
    fn store_row(self, floats: __m512, row: &mut Row16) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { _mm512_storeu_ps(row.as_mut_ptr(), floats) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn plus(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn times(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn larger(self, a: __m512, b: __m512) -> __m512 {
        // Of a pair with a NaN the instruction gives the second operand.
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_max_ps(b, a) }
    }
}

impl Arch for Avx512 {
    const ROWS: usize = 4;
    const FLOAT_ROWS: usize = 8;
    const PLAIN_ROWS: usize = 4;
    const PAIRS: bool = true;
    const DIRECT: usize = 4;

    type Panels<S: Scheme> = S::Any;
    type Single<S: Scheme> = S;
    type Sums = [__m512i; 2];

    #[inline(always)]
    fn begin(self, bias: [i32; 2]) -> Self::Sums {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm512_set1_epi32(bias[0]), _mm512_set1_epi32(bias[1])] }
    }

    #[inline(always)]
    fn dot<S: Scheme>(self, sums: &mut Self::Sums, group: usize, w: __m512i, x: i32) {
        let sum = &mut sums[group / (GROUPS / 2)];
        // SAFETY: `self` proves the instructions.
        unsafe { *sum = _mm512_dpbusd_epi32(*sum, w, _mm512_set1_epi32(x)) }
    }

    #[inline(always)]
    fn halves<S: Scheme>(self, sums: Self::Sums) -> [__m512i; 2] {
        sums
    }

    #[inline(always)]
    fn whole<S: Scheme>(self, sums: Self::Sums) -> __m512i {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_add_epi32(sums[0], sums[1]) }
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
        // SAFETY: `self` proves the instructions; the same holds below.
        unsafe {
            match soon.is_none() {
                true => multiply::<S, 1, N, false>(self, [panel], blocks, x, [soon], [out]),
                false => multiply::<S, 1, N, true>(self, [panel], blocks, x, [soon], [out]),
            }
        }
    }

    #[inline(always)]
    fn multiply_panels<S: Scheme, const N: usize>(
        self,
        panels: [&Panel; 2],
        blocks: usize,
        x: &[RowChunk; N],
        soon: [Soon<'_>; 2],
        out: [&mut [Row16; N]; 2],
    ) {
        // SAFETY: see above.
        unsafe {
            match soon[0].is_none() {
                true => multiply::<S, 2, N, false>(self, panels, blocks, x, soon, out),
                false => multiply::<S, 2, N, true>(self, panels, blocks, x, soon, out),
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
        // SAFETY: see above.
        unsafe { multiply_floats([floats], x, cols, [out]) }
    }

    #[inline(always)]
    fn multiply_pair(
        self,
        floats: [&[Row16]; 2],
        x: &[f32],
        cols: usize,
        out: [&mut [Row16; PAIR_ROWS]; 2],
    ) {
        // SAFETY: see above.
        unsafe { multiply_floats(floats, x, cols, out) }
    }

    #[inline(always)]
    fn many<S: Scheme>(self, rows: usize) -> usize {
        if self.has_amx() { amx::takes::<S>(rows) } else { 0 }
    }

    #[inline(always)]
    fn multiply_many<S: Scheme>(
        self,
        panels: &mut [Panel],
        blocks: usize,
        x: &[RowChunk],
        batch: usize,
        out: &mut [Row16],
    ) {
        let amx = self.amx.expect("rows for the matrix unit are only there with it");
        // SAFETY: see above.
        unsafe { amx::multiply_many::<S>(amx, panels, blocks, x, batch, out) }
    }

    #[inline(always)]
    fn spin_int8(self, rounds: usize) -> u64 {
        // SAFETY: see above.
        unsafe { spin_int8(rounds) }
    }
}

// The functions below have no closures: a closure would not be compiled for these instructions.

/// Of `T` panels with `N` rows. Two panels share what is loaded of the rows: four integers go to all lanes once
/// for both. A load for each product is all that two loads a cycle can do, and some.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn multiply<S: Scheme, const T: usize, const N: usize, const ASKS: bool>(
    isa: Avx512,
    panels: [&Panel; T],
    blocks: usize,
    x: &[RowChunk; N],
    soon: [Soon<'_>; T],
    out: [&mut [Row16; N]; T],
) {
    let mut c = [[_mm512_setzero_ps(); N]; T];
    for t in 0..T {
        for n in 0..N {
            c[t][n] = load(&out[t][n]);
        }
    }
    for block in 0..blocks {
        if ASKS {
            for soon in soon {
                soon.ask_share(isa, block);
            }
        }
        let mut product = [[_mm512_setzero_ps(); N]; T];
        if S::HALVES {
            let first = dot::<S, T, N>(panels, block, 0, x);
            for t in 0..T {
                let scale = load(&panels[t].scale[block][0]);
                for n in 0..N {
                    product[t][n] = _mm512_mul_ps(_mm512_cvtepi32_ps(first[t][n]), scale);
                }
            }
            let second = dot::<S, T, N>(panels, block, 1, x);
            for t in 0..T {
                let scale = load(&panels[t].scale[block][1]);
                for n in 0..N {
                    let second = _mm512_cvtepi32_ps(second[t][n]);
                    product[t][n] = _mm512_fmadd_ps(second, scale, product[t][n]);
                }
            }
        } else {
            let sums = dot::<S, T, N>(panels, block, 0, x);
            for t in 0..T {
                let scale = load(&panels[t].scale[block][0]);
                for n in 0..N {
                    product[t][n] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[t][n]), scale);
                }
            }
        }
        for n in 0..N {
            let scale = _mm512_set1_ps(x[n].scale[block]);
            for t in 0..T {
                c[t][n] = _mm512_fmadd_ps(product[t][n], scale, c[t][n]);
            }
        }
        for t in 0..T {
            c[t] = add_minimums::<S, N>(panels[t], block, x, c[t]);
        }
    }
    for t in 0..T {
        for n in 0..N {
            store(&mut out[t][n], c[t][n]);
        }
    }
}

/// Adds a block's minimums times the sums of its activations, for formats that have minimums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
pub(super) fn add_minimums<S: Scheme, const N: usize>(
    panel: &Panel,
    block: usize,
    x: &[RowChunk; N],
    mut c: [__m512; N],
) -> [__m512; N] {
    if S::MINIMUM && S::HALVES {
        let min = [load(&panel.min[block][0]), load(&panel.min[block][1])];
        for n in 0..N {
            let sums = x[n].half_sum[block];
            c[n] = _mm512_fmadd_ps(min[0], _mm512_set1_ps(sums[0]), c[n]);
            c[n] = _mm512_fmadd_ps(min[1], _mm512_set1_ps(sums[1]), c[n]);
        }
    } else if S::MINIMUM {
        let min = load(&panel.min[block][0]);
        for n in 0..N {
            c[n] = _mm512_fmadd_ps(min, _mm512_set1_ps(x[n].sum[block]), c[n]);
        }
    }
    c
}

/// The sums of a block, or of one of its halves if they have scales of their own. The dot product instruction
/// adds four products of an unsigned and a signed byte to 32 bits, exactly.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn dot<S: Scheme, const T: usize, const N: usize>(
    panels: [&Panel; T],
    block: usize,
    half: usize,
    x: &[RowChunk; N],
) -> [[__m512i; N]; T] {
    let mut sums = [[_mm512_setzero_si512(); N]; T];
    if !S::MINIMUM {
        for n in 0..N {
            let bias = if S::HALVES { x[n].half_bias[block][half] } else { x[n].bias[block] };
            for sums in &mut sums {
                sums[n] = _mm512_set1_epi32(bias);
            }
        }
    }
    let count = if S::HALVES { GROUPS / 2 } else { GROUPS };
    for group in half * count..(half + 1) * count {
        let mut w = [_mm512_setzero_si512(); T];
        for t in 0..T {
            // SAFETY: the load is of an array of 64 bytes.
            w[t] = unsafe { _mm512_loadu_si512(panels[t].q[block][group].as_ptr().cast()) };
        }
        for n in 0..N {
            let x = _mm512_set1_epi32(x[n].four(block, group));
            for t in 0..T {
                sums[t][n] = _mm512_dpbusd_epi32(sums[t][n], w[t], x);
            }
        }
    }
    sums
}

/// Of `T` tiles with `N` rows, at most [`PAIR_ROWS`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn multiply_floats<const T: usize, const N: usize>(
    floats: [&[Row16]; T],
    x: &[f32],
    cols: usize,
    out: [&mut [Row16; N]; T],
) {
    let elements = floats[0].len();
    let mut lines = floats;
    for t in 0..T {
        lines[t] = &floats[t][..elements];
    }
    assert!(N <= PAIR_ROWS && x.len() >= (N - 1) * cols + elements);
    // Addresses of every third row: twelve would not fit into registers.
    let mut x_step = [x.as_ptr(); PAIR_ROWS / 3];
    for (i, start) in x_step.iter_mut().enumerate() {
        *start = start.wrapping_add(3 * i * cols);
    }
    let mut sums = [[_mm512_setzero_ps(); T]; N];
    for k in 0..elements {
        let mut w = [_mm512_setzero_ps(); T];
        for (w, lines) in w.iter_mut().zip(lines) {
            *w = load(&lines[k]);
        }
        for n in 0..N {
            // SAFETY: row n has this element, as was asserted.
            let x = _mm512_set1_ps(unsafe { *x_step[n / 3].add(n % 3 * cols) });
            for t in 0..T {
                sums[n][t] = _mm512_fmadd_ps(x, w[t], sums[n][t]);
            }
        }
        for start in &mut x_step {
            *start = start.wrapping_add(1);
        }
    }
    for (t, out) in out.into_iter().enumerate() {
        for n in 0..N {
            let sum = _mm512_add_ps(load(&out[n]), sums[n][t]);
            store(&mut out[n], sum);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn spin_int8(rounds: usize) -> u64 {
    let (x, w) = black_box((_mm512_set1_epi8(1), _mm512_set1_epi8(1)));
    let mut sums = [_mm512_setzero_si512(); SPINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, w, x);
        }
    }
    black_box(sums);
    // 64 products and 64 additions each.
    (128 * rounds * SPINS) as u64
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(row: &Row16) -> __m512 {
    // SAFETY: sixteen floats are read.
    unsafe { _mm512_loadu_ps(row.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(row: &mut Row16, value: __m512) {
    // SAFETY: sixteen floats are written.
    unsafe { _mm512_storeu_ps(row.as_mut_ptr(), value) }
}
