//! Operations that work on each row of the last axis.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::destination::{fresh, given};
use crate::simd::out::{CHUNK, Memory, Out, collect_beside, shaped};
use crate::simd::strided::Strided;
use crate::sum::tree;

/// Copies `x` and applies `f` to each row of its last axis.
pub(crate) fn map_rows<T: Float>(
    x: ArrayViewD<'_, T>,
    f: impl Fn(usize, &mut [T]) + Sync,
) -> ArrayD<T> {
    fresh(x.shape(), |memory| write_rows(&x, f, memory))
}

/// [`map_rows`] into `out`.
#[track_caller]
pub(crate) fn map_rows_into<T: Float>(
    x: ArrayViewD<'_, T>,
    f: impl Fn(usize, &mut [T]) + Sync,
    out: ArrayViewMutD<'_, T>,
) {
    given(x.shape(), out, |memory| write_rows(&x, f, memory));
}

fn write_rows<'m, T: Float>(
    x: &ArrayViewD<'_, T>,
    f: impl Fn(usize, &mut [T]) + Sync,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let n = x.shape().last().copied().unwrap_or(1);
    let strided = Strided::new(x);
    memory.fill(rows_in_chunk(n) * n, |start, out| {
        let mut buffer = Vec::new();
        for at in (start..start + out.len()).step_by(n.max(1)) {
            f(at / n, out.copy(row(&strided, at / n, n, &mut buffer)));
        }
    })
}

/// Written a few rows of the last axis at a time: `f(rows, out)` appends as many rows to `out` as it is given.
/// While one row waits for its sums the processor has others to go on with, and the rows are in its first cache
/// when they are read again.
pub(crate) fn write_few_rows<'m, T: Float>(
    x: &ArrayViewD<'_, T>,
    f: impl Fn(&[T], &mut Out<T>) + Sync,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let n = x.shape().last().copied().unwrap_or(1);
    let few = (FEW / n.max(1)).max(4) * n;
    let strided = Strided::new(x);
    memory.fill(rows_in_chunk(n) * n, |start, out| {
        let (mut buffer, end) = (Vec::new(), start + out.len());
        for at in (start..end).step_by(few.max(1)) {
            let len = few.min(end - at);
            f(stretch(&strided, at, len, &mut buffer), out);
        }
    })
}

/// The elements of a few rows, about: a third of the first cache with f32.
const FEW: usize = 4096;

/// How many rows of `n` elements make a chunk of work.
pub(crate) fn rows_in_chunk(n: usize) -> usize {
    (CHUNK / n.max(1)).max(1)
}

/// Row `index` of the last axis (length `n`) of a view, copied into `buffer` if it must be.
pub(crate) fn row<'b, 'a: 'b, T: Float>(
    x: &Strided<'a, T>,
    index: usize,
    n: usize,
    buffer: &'b mut Vec<T>,
) -> &'b [T] {
    stretch(x, index * n, n, buffer)
}

/// Elements `start..start + n` of a view: where they lie side by side, or copied into `buffer`, which grows.
pub(crate) fn stretch<'b, 'a: 'b, T: Float>(
    x: &Strided<'a, T>,
    start: usize,
    n: usize,
    buffer: &'b mut Vec<T>,
) -> &'b [T] {
    match x.contiguous(start, n) {
        Some(part) => part,
        None => {
            buffer.resize(n.max(buffer.len()), T::ZERO);
            x.get(start, n, buffer)
        }
    }
}

/// The rows whose contributions to a parameter's gradient are added one after another; the blocks'
/// sums are then added in pairs, pairs of pairs, and so on.
const ROWS: usize = 64;

/// The gradients of an operation that treats each row of the last axis alike, with parameters of
/// the row's length: `f(x, dx, sums)` finds a row of `dy` in `dx`, overwrites it with its gradient,
/// and adds the row's contribution to the parameters' gradients to `sums` (`parameters` rows).
pub(crate) fn vjp_rows<T: Float>(
    x: &ArrayViewD<'_, T>,
    dy: &ArrayViewD<'_, T>,
    parameters: usize,
    f: impl Fn(&[T], &mut [T], &mut [T]) + Sync,
) -> (ArrayD<T>, Vec<ArrayD<T>>) {
    let n = x.shape().last().copied().unwrap_or(1);
    let (xs, dys) = (Strided::new(x), Strided::new(dy));
    let mut partial = vec![Vec::new(); x.len().div_ceil((ROWS * n).max(1))];
    let dx = collect_beside(x.len(), ROWS * n, &mut partial, |start, out: &mut Out<T>, sums| {
        let (mut x_buffer, mut dy_buffer) = (Vec::new(), Vec::new());
        *sums = vec![T::ZERO; parameters * n];
        for index in start / n..(start + out.len()) / n {
            let x = row(&xs, index, n, &mut x_buffer);
            f(x, out.copy(row(&dys, index, n, &mut dy_buffer)), sums);
        }
    });
    let total = |j: usize| tree(partial.iter().map(|sums| sums[j]));
    let sums =
        (0..parameters).map(|p| shaped(&[n], (p * n..(p + 1) * n).map(total).collect())).collect();
    (shaped(x.shape(), dx), sums)
}
