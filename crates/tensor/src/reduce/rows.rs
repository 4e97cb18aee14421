//! Terms that lie side by side, read row after row.

use std::hint::black_box;

use super::{Fold, tree};
use crate::Float;
use crate::simd::gemm::Scratch;
use crate::simd::out::{CHUNK, Memory, PARALLEL};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, fetch, run, share};
use crate::sum::{BLOCK, LANES};

/// `f` of all elements of a slice.
pub(crate) fn reduce_slice<T: Float, F: Fold<T>>(f: F, x: &[T]) -> T {
    if x.len() <= BLOCK {
        return run(BlockFold { f, x });
    }
    if x.len() <= FEW * BLOCK {
        let mut parts = [T::ZERO; FEW];
        let parts = &mut parts[..x.len().div_ceil(BLOCK)];
        fold_blocks(f, x, parts);
        return tree(f, parts.iter().copied());
    }
    let mut parts = vec![T::ZERO; x.len().div_ceil(BLOCK)];
    let task = if x.len() > LONG { 16 * TOGETHER } else { TOGETHER };
    share::chunks(&mut parts, task, true, |index, parts| {
        let x = &x[index * task * BLOCK..];
        fold_blocks(f, &x[..x.len().min(task * BLOCK)], parts);
    });
    tree(f, parts)
}

/// The blocks below which one thread is faster than waking others.
const FEW: usize = 4 * PARALLEL / BLOCK;

/// The elements from which on a task is many blocks that lie one behind the other: each task's first lines are
/// waited for.
const LONG: usize = 1 << 22;

/// The elements from which on a few rows are shared out: fewer are often in the cache of the thread that
/// asks, which has added them up before another has fetched its part.
const WORTH_SHARING: usize = 32 * PARALLEL;

/// Each output's terms lie behind those of the one before.
pub(super) fn reduce_rows<'m, T: Float, F: Fold<T>>(
    f: F,
    x: &Strided<'_, T>,
    terms: usize,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let outputs = memory.len();
    if outputs == 1 {
        return memory.filled(reduce_strided(f, x, 0, terms));
    }
    let parallel = outputs > PARALLEL || outputs * terms > WORTH_SHARING;
    let chunk = (CHUNK / terms.max(1)).max(1).next_multiple_of(x.tile_rows());
    let chunk = if outputs * terms <= PARALLEL { outputs.max(1) } else { chunk };
    memory.fill_parts(chunk, parallel, |index, out| {
        let (start, n) = (index * chunk, out.len());
        if terms > BLOCK {
            for o in start..start + n {
                out.copy(&[reduce_strided(f, x, o * terms, terms)]);
            }
            return;
        }
        let out = out.fill(n, T::ZERO);
        match x.contiguous(start * terms, n * terms) {
            Some(x) => run(RowFolds { f, x, terms, out }),
            None => {
                let rows = (CHUNK / terms.max(1)).clamp(1, n);
                let mut scratch = Scratch::default();
                let buffer = scratch.slice(rows * terms);
                for (i, out) in out.chunks_mut(rows).enumerate() {
                    let first = (start + i * rows) * terms;
                    let x = x.get(first, out.len() * terms, buffer);
                    run(RowFolds { f, x, terms, out });
                }
            }
        }
    })
}

/// `f` of `terms` elements from number `start` on.
fn reduce_strided<T: Float, F: Fold<T>>(f: F, x: &Strided<'_, T>, start: usize, terms: usize) -> T {
    if let Some(x) = x.contiguous(start, terms) {
        return reduce_slice(f, x);
    }
    if terms <= BLOCK {
        return run(StridedBlock { f, x, start, terms });
    }
    let mut parts = vec![T::ZERO; terms.div_ceil(BLOCK)];
    let blocks = x.tile().max(CHUNK).div_ceil(BLOCK);
    share::chunks(&mut parts, blocks, terms > 4 * PARALLEL, |index, parts| {
        let at = index * blocks * BLOCK;
        let n = (parts.len() * BLOCK).min(terms - at);
        // Fresh memory would cost more than the sum.
        let mut scratch = Scratch::default();
        fold_blocks(f, x.get(start + at, n, scratch.slice(n)), parts);
    });
    tree(f, parts)
}

/// The fold of each block of `x`.
fn fold_blocks<T: Float, F: Fold<T>>(f: F, x: &[T], parts: &mut [T]) {
    let end = x.as_ptr_range().end;
    for (x, parts) in x.chunks(TOGETHER * BLOCK).zip(parts.chunks_mut(TOGETHER)) {
        if x.len() == TOGETHER * BLOCK {
            let ahead = if x.as_ptr_range().end < end { x.len() } else { 0 };
            run(BlocksFold {
                f,
                x,
                ahead,
                parts: parts.try_into().expect("a part for each block"),
            });
            continue;
        }
        for (part, x) in parts.iter_mut().zip(x.chunks(BLOCK)) {
            *part = run(BlockFold { f, x });
        }
    }
}

/// One block.
struct BlockFold<'a, T, F> {
    f: F,
    x: &'a [T],
}

impl<T: Float, F: Fold<T>> Kernel for BlockFold<'_, T, F> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let BlockFold { f, x } = self;
        let mut lanes = [f.start(); LANES];
        take_all(f, &mut lanes, x);
        join(f, lanes)
    }
}

/// The blocks that are folded at the same time where there are so many: a block's chain of additions,
/// each of which waits for the one before, is slower than memory.
const TOGETHER: usize = CHUNK / BLOCK;

/// So many blocks.
struct BlocksFold<'a, T, F> {
    f: F,
    x: &'a [T],
    /// So many elements ahead others are asked for.
    ahead: usize,
    parts: &'a mut [T; TOGETHER],
}

impl<T: Float, F: Fold<T>> Kernel for BlocksFold<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        const TERMS: usize = BLOCK / LANES;
        let BlocksFold { f, x, ahead, parts } = self;
        let mut lanes = [[f.start(); LANES]; TOGETHER];
        let (x, _) = x.as_chunks::<LANES>();
        assert!(x.len() == TOGETHER * TERMS, "{TOGETHER} blocks");
        for i in 0..TERMS {
            for (block, lanes) in lanes.iter_mut().enumerate() {
                let terms = &x[block * TERMS + i];
                fetch(terms.as_ptr().wrapping_add(ahead));
                take(f, lanes, terms);
            }
        }
        for (part, lanes) in parts.iter_mut().zip(lanes) {
            *part = join(f, lanes);
        }
    }
}

/// One block of elements that do not lie side by side.
struct StridedBlock<'a, T, F> {
    f: F,
    x: &'a Strided<'a, T>,
    start: usize,
    terms: usize,
}

impl<T: Float, F: Fold<T>> Kernel for StridedBlock<'_, T, F> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let StridedBlock { f, x, start, terms } = self;
        let mut lanes = [f.start(); LANES];
        x.for_strips(start, terms, |strip| take_all(f, &mut lanes, strip));
        join(f, lanes)
    }
}

#[inline(always)]
fn take<T: Float, F: Fold<T>>(f: F, lanes: &mut [T; LANES], x: &[T; LANES]) {
    for j in 0..LANES {
        lanes[j] = f.take(lanes[j], x[j]);
    }
}

/// Terms side by side, the first for lane 0.
#[inline(always)]
fn take_all<T: Float, F: Fold<T>>(f: F, lanes: &mut [T; LANES], x: &[T]) {
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        take(f, lanes, x);
    }
    take_rest(f, lanes, rest, rest.len());
}

/// The first `n` terms of `from`, fewer than there are lanes.
#[inline(always)]
fn take_rest<T: Float, F: Fold<T>>(f: F, lanes: &mut [T; LANES], from: &[T], n: usize) {
    if n == 0 {
        return;
    }
    let mut last = [f.start(); LANES];
    match from.first_chunk::<LANES>() {
        // More is read than taken: a whole register is faster than a copy of any length.
        Some(more) => {
            for j in 0..LANES {
                last[j] = if j < n { more[j] } else { last[j] };
            }
        }
        None => last[..n].copy_from_slice(&from[..n]),
    }
    take(f, lanes, &last);
}

#[inline(always)]
pub(crate) fn join<T: Float, F: Fold<T>>(f: F, lanes: [T; LANES]) -> T {
    // The lanes go through memory, where they lie side by side: left to itself the compiler keeps them
    // in registers by the pairs that are joined here, and takes terms with these two by two.
    let lanes = black_box(lanes);
    // A loop of constant length for each step: of one loop over all steps the compiler makes
    // jumps from lane to lane.
    let (mut eight, mut four) = ([f.start(); 8], [f.start(); 4]);
    for i in 0..8 {
        eight[i] = f.join(lanes[i], lanes[i + 8]);
    }
    for i in 0..4 {
        four[i] = f.join(eight[i], eight[i + 4]);
    }
    f.join(f.join(four[0], four[2]), f.join(four[1], four[3]))
}

/// Rows of `terms` elements, at most a block, one behind the other.
pub(super) struct RowFolds<'a, T, F> {
    pub(super) f: F,
    pub(super) x: &'a [T],
    pub(super) terms: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Float, F: Fold<T>> Kernel for RowFolds<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let RowFolds { f, x, terms, out } = self;
        if terms == 0 {
            return out.fill(f.start());
        }
        let (whole, rest) = (terms / LANES * LANES, terms % LANES);
        // Two rows at once: each waits for its own additions only.
        let (pairs, last) = out.as_chunks_mut::<2>();
        for (pair, out) in pairs.iter_mut().enumerate() {
            let (x0, x1) = (&x[2 * pair * terms..], &x[(2 * pair + 1) * terms..]);
            let (mut lanes0, mut lanes1) = ([f.start(); LANES], [f.start(); LANES]);
            let (whole0, whole1) = (x0[..whole].as_chunks().0, x1[..whole].as_chunks().0);
            for (x0, x1) in whole0.iter().zip(whole1) {
                take(f, &mut lanes0, x0);
                take(f, &mut lanes1, x1);
            }
            take_rest(f, &mut lanes0, &x0[whole..], rest);
            take_rest(f, &mut lanes1, &x1[whole..], rest);
            *out = [join(f, lanes0), join(f, lanes1)];
        }
        if let [last] = last {
            *last = BlockFold { f, x: &x[2 * pairs.len() * terms..][..terms] }.run();
        }
    }
}
