//! Operations that work on each row of the last axis.

use ndarray::{ArrayD, ArrayViewD};

use crate::simd::out::{CHUNK, Out, collect};
use crate::simd::strided::Strided;
use crate::{Float, map};

/// Copies `x` and applies `f` to each row of its last axis.
pub(crate) fn map_rows<T: Float>(
    x: ArrayViewD<'_, T>,
    f: impl Fn(usize, &mut [T]) + Sync,
) -> ArrayD<T> {
    let n = x.shape().last().copied().unwrap_or(1);
    let strided = Strided::new(&x);
    let data = collect(x.len(), rows_in_chunk(n) * n, |start, out: &mut Out<T>| {
        let mut buffer = Vec::new();
        for at in (start..start + out.len()).step_by(n.max(1)) {
            let row = match strided.contiguous(at, n) {
                Some(row) => out.copy(row),
                None => {
                    buffer.resize(n, T::ZERO);
                    out.copy(strided.get(at, n, &mut buffer))
                }
            };
            f(at / n, row);
        }
    });
    map::shaped(x.shape(), data)
}

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
    match x.contiguous(index * n, n) {
        Some(row) => row,
        None => {
            buffer.resize(n, T::ZERO);
            x.get(index * n, n, buffer)
        }
    }
}
