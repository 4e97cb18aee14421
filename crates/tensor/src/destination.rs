//! Where an output goes: a fresh array, or one that the caller gives.
//!
//! An operation says once how it writes its elements, in standard order, into
//! [`Memory`](crate::simd::out::Memory); [`fresh`] and [`given`] choose the memory. So the form that
//! allocates is the `_into` form on fresh memory, and both have the same bits.

use ndarray::{ArrayD, ArrayViewMutD};

use crate::simd::out::{self, Memory, shaped};
use crate::{Float, pool};

/// A fresh array of this shape, which `write` writes.
pub(crate) fn fresh<T: Float>(
    shape: &[usize],
    write: impl for<'a> FnOnce(Memory<'a, T>) -> &'a mut [T],
) -> ArrayD<T> {
    shaped(shape, out::fresh(shape.iter().product(), write))
}

/// Has `write` write `out`, whose shape must be `shape`: in place if it is in standard layout, else
/// in other memory that is copied from.
///
/// # Panics
///
/// If the shapes differ; the message names both.
#[track_caller]
pub(crate) fn given<T: Float>(
    shape: &[usize],
    mut out: ArrayViewMutD<'_, T>,
    write: impl for<'a> FnOnce(Memory<'a, T>) -> &'a mut [T],
) {
    fits(shape, out.shape());
    if let Some(elements) = out.as_slice_mut() {
        write(Memory::of(elements));
    } else {
        let values = fresh(shape, write);
        out.assign(&values);
        pool::recycle(values);
    }
}

/// Lends the elements of `out`, whose shape must be `shape`, to `change`, in standard order: where
/// they lie if that is their order, else as a copy that is put back.
///
/// # Panics
///
/// If the shapes differ; the message names both.
#[track_caller]
pub(crate) fn in_place<T: Float>(
    shape: &[usize],
    mut out: ArrayViewMutD<'_, T>,
    change: impl FnOnce(&mut [T]),
) {
    fits(shape, out.shape());
    if let Some(elements) = out.as_slice_mut() {
        return change(elements);
    }
    let mut values = crate::map::copy(out.view());
    change(values.as_slice_mut().expect("standard layout"));
    out.assign(&values);
    pool::recycle(values);
}

/// Panics unless the shapes agree; the message names both.
#[track_caller]
pub(crate) fn fits(result: &[usize], out: &[usize]) {
    assert!(result == out, "a result of shape {result:?} does not go into out {out:?}");
}
