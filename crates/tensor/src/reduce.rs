//! Reductions over any axes of any view, along the one fixed tree of [`sum`](crate::sum).
//!
//! What is reduced is a [`Fold`]. Two ways lead along the same tree: terms that lie side by side are
//! read row after row; where instead the *outputs* lie side by side, rows of terms are joined to
//! rows. The strides decide which, so that memory is read in its own order, and no bit depends on it.

use std::hint::black_box;
use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD};

use crate::Float;
use crate::simd::out::{CHUNK, PARALLEL, collect, shaped};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run, share};
use crate::sum::{BLOCK, LANES};

/// How terms become one number: inside a block each of 16 lanes takes its terms in ascending order;
/// the lanes are joined in halves, the blocks as a tree of pairs.
pub(crate) trait Fold<T>: Copy + Send + Sync {
    /// What a lane holds before its first term; the result where there is no term. As a term it
    /// changes no lane.
    fn start(self) -> T;
    /// A lane after its next term. Implement it as `#[inline(always)]`, as `join`.
    fn take(self, lane: T, term: T) -> T;
    /// Two lanes, or two blocks, as one.
    fn join(self, left: T, right: T) -> T;
}

/// `f` over `axes`, which are kept with length 1 if `keep`.
///
/// # Panics
///
/// If an axis is out of range or given twice.
#[track_caller]
pub(crate) fn reduce<T: Float, F: Fold<T>>(
    f: F,
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
) -> ArrayD<T> {
    if axes.len() == x.ndim()
        && let Some(elements) = x.as_slice()
    {
        validate(&x, axes);
        let shape = if keep { vec![1; axes.len()] } else { Vec::new() };
        return shaped(&shape, vec![reduce_slice(f, elements)]);
    }
    let Reduction { view, shape, outputs, terms, kept } = Reduction::new(x, axes, keep);
    let columns = columns(&view, kept);
    let data = match view.to_slice() {
        _ if columns > 1 => reduce_columns(f, view, kept, columns, terms),
        Some(x) if terms <= BLOCK && x.len() <= PARALLEL => {
            let mut out = vec![T::ZERO; outputs];
            run(RowFolds { f, x, terms, out: &mut out });
            out
        }
        _ => reduce_rows(f, &Strided::new(&view), outputs, terms),
    };
    shaped(&shape, data)
}

/// `f` of all elements of a slice.
pub(crate) fn reduce_slice<T: Float, F: Fold<T>>(f: F, x: &[T]) -> T {
    if x.len() <= BLOCK {
        return run(BlockFold { f, x });
    }
    if x.len() <= 4 * PARALLEL {
        return tree(f, x.chunks(BLOCK).map(|x| run(BlockFold { f, x })));
    }
    let mut parts = vec![T::ZERO; x.len().div_ceil(BLOCK)];
    let blocks = CHUNK / BLOCK;
    share::chunks(&mut parts, blocks, true, |index, parts| {
        let x = &x[index * blocks * BLOCK..];
        if let (Some(x), Ok(parts)) = (x.get(..TOGETHER * BLOCK), parts.try_into()) {
            return run(BlocksFold { f, x, parts });
        }
        for (part, x) in parts.iter_mut().zip(x.chunks(BLOCK)) {
            *part = run(BlockFold { f, x });
        }
    });
    tree(f, parts)
}

/// Each output's terms lie behind those of the one before.
fn reduce_rows<T: Float, F: Fold<T>>(
    f: F,
    x: &Strided<'_, T>,
    outputs: usize,
    terms: usize,
) -> Vec<T> {
    if outputs == 1 {
        return vec![reduce_strided(f, x, 0, terms)];
    }
    let chunk = (CHUNK / terms.max(1)).max(1).next_multiple_of(x.tile_rows());
    let chunk = if outputs * terms <= PARALLEL { outputs } else { chunk };
    collect(outputs, chunk, |start, out| {
        let n = out.len();
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
                let mut buffer = vec![T::ZERO; rows * terms];
                for (i, out) in out.chunks_mut(rows).enumerate() {
                    let first = (start + i * rows) * terms;
                    let x = x.get(first, out.len() * terms, &mut buffer);
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
        let mut buffer = vec![T::ZERO; n];
        let x = x.get(start + at, n, &mut buffer);
        for (part, x) in parts.iter_mut().zip(x.chunks(BLOCK)) {
            *part = run(BlockFold { f, x });
        }
    });
    tree(f, parts)
}

/// Joins neighbours, then neighbouring pairs, and so on; an odd one out waits for the next round.
pub(crate) fn tree<T: Float, F: Fold<T>>(f: F, parts: impl IntoIterator<Item = T>) -> T {
    // Like a binary counter: entry i of the stack is a whole subtree, and two of equal size are
    // joined at once.
    let mut stack: Vec<(u32, T)> = Vec::with_capacity(16);
    for part in parts {
        let (mut level, mut part) = (0, part);
        while let Some(&(l, left)) = stack.last() {
            if l != level {
                break;
            }
            stack.pop();
            (level, part) = (level + 1, f.join(left, part));
        }
        stack.push((level, part));
    }
    let parts = stack.into_iter().rev().map(|(_, part)| part);
    parts.reduce(|right, left| f.join(left, right)).unwrap_or(f.start())
}

/// How many outputs lie side by side in memory, closer than any output's own terms: 1 if none do.
fn columns<T>(view: &ArrayViewD<'_, T>, kept: usize) -> usize {
    let axes = || view.shape().iter().zip(view.strides()).map(|(&n, &stride)| (n, stride));
    let step = axes().skip(kept).filter(|&(n, _)| n > 1).map(|(_, s)| s.unsigned_abs()).min();
    let mut columns = 1;
    let mut expected = None;
    for axis in (0..kept).rev() {
        let (n, stride) = (view.shape()[axis], view.strides()[axis]);
        let near = match expected {
            None => step.is_some_and(|step| stride.unsigned_abs() < step),
            Some(expected) => stride == expected,
        };
        if n == 1 {
            continue;
        }
        if !near {
            break;
        }
        columns *= n;
        expected = Some(stride * n as isize);
    }
    columns
}

/// Rows of `columns` outputs each, joined row by row; `view` is [kept .., reduced ..].
fn reduce_columns<T: Float, F: Fold<T>>(
    f: F,
    view: ArrayViewD<'_, T>,
    kept: usize,
    columns: usize,
    terms: usize,
) -> Vec<T> {
    // From [outer .., columns .., reduced ..] to [outer .., reduced .., columns ..].
    let (mut outer_axes, mut trailing) = (kept, 1);
    while trailing < columns {
        outer_axes -= 1;
        trailing *= view.shape()[outer_axes];
    }
    let outer: usize = view.shape()[..outer_axes].iter().product();
    let order: Vec<usize> =
        (0..outer_axes).chain(kept..view.ndim()).chain(outer_axes..kept).collect();
    let strided = Strided::new(&view.permuted_axes(order));
    let blocks = terms.div_ceil(BLOCK).max(1);
    // The lanes of so many columns stay in the second cache, the fewer the less is left to share.
    let width = match columns {
        0..=16 => 16,
        17..=64 => 64,
        65..=512 => 128,
        _ => 512,
    };
    // Each block's result for each column: [outer, blocks, columns].
    let mut parts = vec![T::ZERO; outer * blocks * columns];
    let parallel = outer * terms * columns > PARALLEL;
    let block = |row: usize, first_column: usize, out: &mut [T]| {
        let (outer, block) = (row / blocks, row % blocks);
        let rows = block * BLOCK..((block + 1) * BLOCK).min(terms);
        let first = outer * terms * columns + first_column;
        let x = &strided;
        match width {
            16 => run(ColumnFold::<T, F, 16> { f, x, first, columns, rows, out }),
            64 => run(ColumnFold::<T, F, 64> { f, x, first, columns, rows, out }),
            128 => run(ColumnFold::<T, F, 128> { f, x, first, columns, rows, out }),
            _ => run(ColumnFold::<T, F, 512> { f, x, first, columns, rows, out }),
        }
    };
    let rows_at_a_time = (CHUNK / (terms.min(BLOCK) * columns).max(1)).max(1);
    share::chunks(&mut parts, rows_at_a_time * columns, parallel, |index, parts| {
        let rows = parts.len() / columns;
        let wide = parallel && rows == 1 && terms.min(BLOCK) * columns > PARALLEL;
        for (i, parts) in parts.chunks_mut(columns).enumerate() {
            let row = index * rows_at_a_time + i;
            share::chunks(parts, width, wide, |index, out| block(row, index * width, out));
        }
    });
    if blocks == 1 {
        return parts;
    }
    let part = |outer: usize, block: usize, j: usize| parts[(outer * blocks + block) * columns + j];
    let column = |o: usize| tree(f, (0..blocks).map(|block| part(o / columns, block, o % columns)));
    (0..outer * columns).map(column).collect()
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
    parts: &'a mut [T; TOGETHER],
}

impl<T: Float, F: Fold<T>> Kernel for BlocksFold<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        const TERMS: usize = BLOCK / LANES;
        let BlocksFold { f, x, parts } = self;
        let mut lanes = [[f.start(); LANES]; TOGETHER];
        let (x, _) = x.as_chunks::<LANES>();
        assert!(x.len() == TOGETHER * TERMS, "{TOGETHER} blocks");
        for i in 0..TERMS {
            for (block, lanes) in lanes.iter_mut().enumerate() {
                take(f, lanes, &x[block * TERMS + i]);
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

/// The elements of such a block that are read at a time: while they are added, which waits for each
/// addition, the processor reads the next.
const STRIP: usize = 1024;

impl<T: Float, F: Fold<T>> Kernel for StridedBlock<'_, T, F> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let StridedBlock { f, x, start, terms } = self;
        let mut lanes = [f.start(); LANES];
        let mut buffer = [T::ZERO; STRIP];
        for at in (0..terms).step_by(STRIP) {
            let strip = &mut buffer[..STRIP.min(terms - at)];
            x.read(start + at, strip);
            take_all(f, &mut lanes, strip);
        }
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
struct RowFolds<'a, T, F> {
    f: F,
    x: &'a [T],
    terms: usize,
    out: &'a mut [T],
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

/// One block of rows, for up to `W` columns.
struct ColumnFold<'a, T, F, const W: usize> {
    f: F,
    x: &'a Strided<'a, T>,
    /// Element (row, j) of these columns is number `first + row * columns + j`.
    first: usize,
    columns: usize,
    rows: Range<usize>,
    out: &'a mut [T],
}

impl<T: Float, F: Fold<T>, const W: usize> Kernel for ColumnFold<'_, T, F, W> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let ColumnFold { f, x, first, columns, rows, out } = self;
        let mut buffers = [[T::ZERO; W]; 4];
        let mut lanes = [[f.start(); W]; LANES];
        let width = out.len();
        let at = |row: usize| first + row * columns;
        let mut row = rows.start;
        // The next four rows of a lane at once: it is then read and written a quarter as often.
        while row + 4 * LANES <= rows.end {
            for (l, lane) in lanes.iter_mut().enumerate() {
                let [b0, b1, b2, b3] = &mut buffers;
                let x0 = x.get(at(row + l), width, b0);
                let x1 = x.get(at(row + l + LANES), width, b1);
                let x2 = x.get(at(row + l + 2 * LANES), width, b2);
                let x3 = x.get(at(row + l + 3 * LANES), width, b3);
                for j in 0..width {
                    let taken = f.take(f.take(lane[j], x0[j]), x1[j]);
                    lane[j] = f.take(f.take(taken, x2[j]), x3[j]);
                }
            }
            row += 4 * LANES;
        }
        while row < rows.end {
            let lane = &mut lanes[(row - rows.start) % LANES];
            for (lane, &x) in lane.iter_mut().zip(x.get(at(row), width, &mut buffers[0])) {
                *lane = f.take(*lane, x);
            }
            row += 1;
        }
        for half in [8, 4, 2, 1] {
            let (left, right) = lanes.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                for (l, &r) in left[..width].iter_mut().zip(right.iter()) {
                    *l = f.join(*l, r);
                }
            }
        }
        out.copy_from_slice(&lanes[0][..width]);
    }
}

/// Panics unless each of `axes` is one of `x`, and none is given twice.
#[track_caller]
fn validate<T>(x: &ArrayViewD<'_, T>, axes: &[usize]) {
    for (i, &axis) in axes.iter().enumerate() {
        assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
        assert!(!axes[..i].contains(&axis), "axis {axis} is given twice in {axes:?}");
    }
}

/// A view whose last axes are the ones to be reduced.
pub(crate) struct Reduction<'a, T> {
    /// [kept .., reduced ..].
    pub(crate) view: ArrayViewD<'a, T>,
    /// The shape of the result.
    pub(crate) shape: Vec<usize>,
    pub(crate) outputs: usize,
    /// The number of elements that each output is made of.
    pub(crate) terms: usize,
    /// The number of axes that are kept.
    pub(crate) kept: usize,
}

impl<'a, T> Reduction<'a, T> {
    #[track_caller]
    pub(crate) fn new(x: ArrayViewD<'a, T>, axes: &[usize], keep: bool) -> Self {
        validate(&x, axes);
        let is_reduced = |axis: &usize| axes.contains(axis);
        let length = |axis: usize| x.shape()[axis];
        let all = 0..x.ndim();
        let shape = all.clone().filter(|axis| keep || !is_reduced(axis));
        let shape = shape.map(|axis| if is_reduced(&axis) { 1 } else { length(axis) }).collect();
        let terms = axes.iter().map(|&axis| length(axis)).product();
        let kept = x.ndim() - axes.len();
        let outputs = all.clone().filter(|axis| !is_reduced(axis)).map(length).product();
        let view = if (0..kept).any(|axis| is_reduced(&axis)) {
            let kept = all.clone().filter(|axis| !is_reduced(axis));
            let order: Vec<usize> = kept.chain(all.filter(is_reduced)).collect();
            x.permuted_axes(order)
        } else {
            x
        };
        Reduction { view, shape, outputs, terms, kept }
    }
}
