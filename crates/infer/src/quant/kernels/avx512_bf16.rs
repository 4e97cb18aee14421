//! Many rows times weights in bf16, by the instruction for pairs of such numbers (AVX512-BF16).
//!
//! `vdpbf16ps` multiplies two numbers of each lane: it adds the product of the upper halves of two words,
//! then that of the lower halves, by two fused multiply-adds. With the first of two neighbours in the upper
//! half this is the sum of plain numbers, in their order. Only that it takes subnormal numbers for 0, and
//! none occurs.

use std::arch::x86_64::*;
use std::hint::black_box;
use std::mem::transmute;

use super::super::bf16::Tiled;
use super::super::bf16_rows::{PAIRS, PairChunk, round_in_pairs};
use super::super::panel::{Line, Row16};
use super::super::plain::Plain;
use super::super::tile::{CHUNK, Layout, TILE};
use super::arch::{SPINS, both_chunks, chunk_of};
use super::avx512::{Avx512, load, store};
use super::reading::{Ahead, Cache};
use super::soon::Soon;
use super::{Scratch, Tiles};

/// The proof that this processor has AVX512-BF16, F and BW.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512Bf16(());

/// A chunk of weights: two neighbours of each of 16 rows in a line, the first in the upper half of a word.
pub(super) type Pairs = [Line; PAIRS];
/// A chunk of zeros.
pub(super) const NO_PAIRS: Pairs = [[0; TILE]; PAIRS];

const LAYOUT: Layout = Tiled::LAYOUT;
/// Bytes of an element of 16 rows.
const LINE: usize = 2 * TILE;
/// Rows at a time, with two tiles: so many sums keep the multipliers busy, and what is read for them is used
/// often enough.
const ROWS: usize = 12;
/// What is asked for while a chunk is multiplied: the chunk that takes its place, those of two lying together.
const AHEAD: Ahead = Ahead { chunks: 2, cache: Cache::Second };

impl Avx512Bf16 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512bf16")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw");
        has.then_some(Avx512Bf16(()))
    }

    /// Rounds up to 256 numbers.
    pub(super) fn round_in_pairs(self, x: &[f32], chunk: &mut PairChunk) {
        #[target_feature(enable = "avx512f,avx512bw")]
        fn run(x: &[f32], chunk: &mut PairChunk) {
            round_in_pairs(x, chunk);
        }
        // SAFETY: `self` proves the instructions; the same holds below.
        unsafe { run(x, chunk) }
    }

    /// Multiplies in registers; returns the number of operations.
    pub(super) fn spin(self, rounds: usize) -> u64 {
        // SAFETY: see above.
        unsafe { spin(rounds) }
    }
}

/// Adds the product of tiles with rows of pairs, `[cols / 256, B]`, to the outputs.
pub(super) fn product(isa: Avx512, tiles: Tiles<'_>, x: &[PairChunk], scratch: &mut Scratch) {
    assert!(isa.bf16().is_some(), "pairs are only there where they are multiplied");
    // SAFETY: `isa` proves AVX-512 F and BW, and the proof of BF16 is in it.
    unsafe { all_tiles(isa, tiles, x, scratch) }
}

// The functions below have no closures: a closure would not be compiled for these instructions.

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn all_tiles(isa: Avx512, tiles: Tiles<'_>, x: &[PairChunk], scratch: &mut Scratch) {
    let Scratch { pairs, out, .. } = scratch;
    let out = out.as_chunks_mut::<TILE>().0;
    let chunks = tiles.chunks(&LAYOUT);
    let batch = x.len() / chunks;
    for (index, x) in x.chunks_exact(batch).enumerate() {
        for (two, out) in tiles.groups(2).zip(out.chunks_mut(2 * batch)) {
            let (mut count, mut soon) = (0, [Soon::NONE; 2]);
            for (t, (tile, pairs)) in two.iter().zip(pairs.iter_mut()).enumerate() {
                let bytes = chunk_of(&LAYOUT, tile, index);
                soon[t] = Soon::after(AHEAD, tiles, &LAYOUT, index, bytes);
                let chunks = both_chunks(&LAYOUT, tile, index / 2);
                // The compiler knows the length of whole chunks, and leaves out what checks it.
                count = match chunks.len() == 2 * CHUNK * LINE {
                    true => pair_up::<true>(chunks, index % 2, pairs),
                    false => pair_up::<false>(chunks, index % 2, pairs),
                };
            }
            let [a, b] = &**pairs;
            let (a, b) = (&a[..count], &b[..count]);
            match two.iter().len() {
                2 => all_rows(Weights { isa, pairs: [a, b], soon }, x, out),
                _ => all_rows(Weights { isa, pairs: [a], soon: [soon[0]] }, x, out),
            }
        }
    }
}

/// The pairs of the first or second of two chunks of a tile, which may be `WHOLE`; returns how many there are
/// of each row. What has no neighbour has a zero.
#[target_feature(enable = "avx512f,avx512bw")]
fn pair_up<const WHOLE: bool>(chunks: &[u8], half: usize, pairs: &mut Pairs) -> usize {
    let elements = if WHOLE { 2 * CHUNK } else { chunks.len() / LINE };
    let (chunks, half) = (&chunks[..elements * LINE], half % 2);
    // So many of each chunk lie side by side with those of the other; what is left is the first chunk's.
    let both = elements.saturating_sub(CHUNK);
    let count = if half == 0 { elements - both } else { both };
    for (pair, line) in pairs[..count.div_ceil(2)].iter_mut().enumerate() {
        let (first, second) = (2 * pair, 2 * pair + 1);
        let upper = _mm512_slli_epi32::<16>(widened(chunks, place(first, half, both)));
        let lower = match second < count {
            true => widened(chunks, place(second, half, both)),
            false => _mm512_setzero_si512(),
        };
        // SAFETY: a line has 64 bytes.
        unsafe {
            _mm512_storeu_si512(line.as_mut_ptr().cast(), _mm512_or_si512(upper, lower));
        }
    }
    count.div_ceil(2)
}

/// Where element `k` of a chunk begins, if the first `both` lie side by side with those of the other.
#[inline(always)]
fn place(k: usize, half: usize, both: usize) -> usize {
    LINE * if k < both { 2 * k + half } else { both + k }
}

/// An element of 16 rows, in the lower halves of words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn widened(chunks: &[u8], at: usize) -> __m512i {
    let bytes = &chunks[at..][..LINE];
    // SAFETY: 32 bytes are read.
    unsafe { _mm512_cvtepu16_epi32(_mm256_loadu_si256(bytes.as_ptr().cast())) }
}

/// A chunk of `T` tiles, and what the first rows ask for.
#[derive(Clone, Copy)]
struct Weights<'a, const T: usize> {
    isa: Avx512,
    pairs: [&'a [Line]; T],
    soon: [Soon<'a>; T],
}

/// With all rows `x`, to outputs in the order tile, row.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn all_rows<const T: usize>(mut w: Weights<'_, T>, x: &[PairChunk], out: &mut [Row16]) {
    let batch = x.len();
    let (groups, rest) = x.as_chunks::<ROWS>();
    for (index, x) in groups.iter().enumerate() {
        multiply(w, x, [batch, ROWS * index], out);
        w.soon = [Soon::NONE; T];
    }
    // Of a few sums each waits for the one before; two groups of about as many rows have enough of them.
    let half = if rest.len() > ROWS / 2 { rest.len() / 2 } else { 0 };
    let (a, b) = rest.split_at(half);
    some_rows(w, b, [batch, batch - b.len()], out);
    w.soon = [Soon::NONE; T];
    some_rows(w, a, [batch, batch - rest.len()], out);
}

/// [`multiply`] of up to half of [`ROWS`] rows.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn some_rows<const T: usize>(
    w: Weights<'_, T>,
    x: &[PairChunk],
    at: [usize; 2],
    out: &mut [Row16],
) {
    let whole = "a group of as many rows";
    match x.len() {
        0 => {}
        1 => multiply::<T, 1>(w, x.first_chunk().expect(whole), at, out),
        2 => multiply::<T, 2>(w, x.first_chunk().expect(whole), at, out),
        3 => multiply::<T, 3>(w, x.first_chunk().expect(whole), at, out),
        4 => multiply::<T, 4>(w, x.first_chunk().expect(whole), at, out),
        5 => multiply::<T, 5>(w, x.first_chunk().expect(whole), at, out),
        6 => multiply::<T, 6>(w, x.first_chunk().expect(whole), at, out),
        rows => unreachable!("{rows} rows are more than half of {ROWS}"),
    }
}

/// With `N` rows of a `batch`, those from `first` on.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn multiply<const T: usize, const N: usize>(
    weights: Weights<'_, T>,
    x: &[PairChunk; N],
    [batch, first]: [usize; 2],
    out: &mut [Row16],
) {
    let Weights { isa, pairs, soon } = weights;
    let count = pairs[0].len();
    let mut lines = pairs;
    for t in 0..T {
        lines[t] = &pairs[t][..count];
    }
    assert!(count <= PAIRS);
    let mut sums = [[_mm512_setzero_ps(); T]; N];
    for k in 0..count {
        let mut w = [_mm512_setzero_si512(); T];
        for soon in soon {
            soon.ask_nth(isa, k);
        }
        for (w, lines) in w.iter_mut().zip(lines) {
            // SAFETY: a line has 64 bytes.
            *w = unsafe { _mm512_loadu_si512(lines[k].as_ptr().cast()) };
        }
        for n in 0..N {
            let x = _mm512_set1_epi32(x[n].0[k].cast_signed());
            for t in 0..T {
                sums[n][t] = _mm512_dpbf16_ps(sums[n][t], bf16(x), bf16(w[t]));
            }
        }
    }
    for t in 0..T {
        let out = &mut out[t * batch + first..][..N];
        for n in 0..N {
            let sum = _mm512_add_ps(load(&out[n]), sums[n][t]);
            store(&mut out[n], sum);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of any value.
    unsafe { transmute(pairs) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn spin(rounds: usize) -> u64 {
    let (x, w) = black_box((_mm512_set1_epi32(0x3f80_3f80), _mm512_set1_epi32(0x3f00_3f00)));
    let mut sums = [_mm512_setzero_ps(); SPINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, bf16(x), bf16(w));
        }
    }
    black_box(sums);
    // 32 products and 32 additions each.
    (64 * rounds * SPINS) as u64
}
