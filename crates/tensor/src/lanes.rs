//! Work along one axis, shared out among threads by the lanes across it.

use std::ops::Range;

use ndarray::{ArrayViewD, ArrayViewMutD, Axis};

use crate::simd::out::{CHUNK, PARALLEL};
use crate::simd::share;

/// Some of the lanes along an axis: a range of another axis, or all of them.
pub(crate) struct Part(Option<(Axis, Range<usize>)>);

impl Part {
    /// The same lanes of an operand, which has the same length along all axes but that of the lanes.
    pub(crate) fn of<'a, T>(&self, x: &ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let mut x = x.clone();
        if let Some((axis, range)) = &self.0 {
            x.slice_axis_inplace(*axis, range.clone().into());
        }
        x
    }
}

/// Calls `f` once for each part of `out`, with all lanes along `axis` whole. `work` is the number of
/// elements that are read, in all.
pub(crate) fn for_parts<T: Send>(
    axis: usize,
    work: usize,
    mut out: ArrayViewMutD<'_, T>,
    f: impl Fn(&Part, ArrayViewMutD<'_, T>) + Sync,
) {
    let across = (0..out.ndim()).filter(|&i| i != axis).rev().max_by_key(|&i| out.shape()[i]);
    let across = across.filter(|&across| work > PARALLEL && out.shape()[across] > 1);
    let Some(across) = across else {
        return f(&Part(None), out);
    };
    let length = out.shape()[across];
    let width = length.div_ceil(work.div_ceil(CHUNK).min(length));
    let mut parts: Vec<_> = out.axis_chunks_iter_mut(Axis(across), width).collect();
    share::chunks(&mut parts, 1, true, |index, parts| {
        for out in parts {
            let start = index * width;
            let range = start..start + out.shape()[across];
            f(&Part(Some((Axis(across), range))), out.view_mut());
        }
    });
}
