//! Outputs written once, into memory that is not zeroed first.
//!
//! Zeroing a buffer costs as much as adding two: an elementwise operation would pay for a third of
//! its time twice. [`Out`] counts what has been written, so that a chunk left half full is found
//! before anybody can read it.

use std::mem::MaybeUninit;

use super::strided::Strided;
use super::{Kernel, run, share};
use crate::{Float, pool};

/// Below this many elements one thread is faster than waking others (some 10 microseconds).
pub(crate) const PARALLEL: usize = 1 << 15;

/// The elements of a chunk: small enough that a chunk and its operands stay in the second cache.
pub(crate) const CHUNK: usize = 1 << 14;

/// A part of an output, filled from its beginning.
pub(crate) struct Out<'a, T> {
    memory: &'a mut [MaybeUninit<T>],
    written: usize,
}

impl<T: Copy> Out<'_, T> {
    /// The number of elements that this part holds in the end.
    pub(crate) fn len(&self) -> usize {
        self.memory.len()
    }

    /// Appends a copy of `x`, and returns it for work in place.
    pub(crate) fn copy(&mut self, x: &[T]) -> &mut [T] {
        let part = &mut self.memory[self.written..][..x.len()];
        self.written += x.len();
        for (slot, &x) in part.iter_mut().zip(x) {
            slot.write(x);
        }
        // SAFETY: the loop above has written every element of `part`.
        unsafe { initialized(part) }
    }

    /// Appends `n` times `x`, and returns it for work in place.
    pub(crate) fn fill(&mut self, n: usize, x: T) -> &mut [T] {
        let part = &mut self.memory[self.written..][..n];
        self.written += n;
        for slot in part.iter_mut() {
            slot.write(x);
        }
        // SAFETY: as in `copy`.
        unsafe { initialized(part) }
    }

    /// Appends the elements of a view from number `start` on, and returns them for work in place.
    pub(crate) fn read(&mut self, x: &Strided<'_, T>, start: usize, n: usize) -> &mut [T] {
        let part = &mut self.memory[self.written..][..n];
        self.written += n;
        x.read_uninit(start, part);
        // SAFETY: `read_uninit` has written every element of `part`.
        unsafe { initialized(part) }
    }

    /// Appends `f(x)` for each element.
    pub(crate) fn map1<F: Map1<T>>(&mut self, f: F, x: &[T]) {
        let out = &mut self.memory[self.written..][..x.len()];
        run(Run1 { f, x, out });
        self.written += x.len();
    }

    /// Appends `f(x, y)` for each pair.
    pub(crate) fn map2<F: Map2<T>>(&mut self, f: F, x: &[T], y: &[T]) {
        let out = &mut self.memory[self.written..][..x.len()];
        run(Run2 { f, x, y: &y[..x.len()], out });
        self.written += x.len();
    }

    /// Appends `f(x, y, z)` for each triple.
    pub(crate) fn map3<F: Map3<T>>(&mut self, f: F, x: &[T], y: &[T], z: &[T]) {
        let out = &mut self.memory[self.written..][..x.len()];
        run(Run3 { f, x, y: &y[..x.len()], z: &z[..x.len()], out });
        self.written += x.len();
    }
}

/// The elements of a part that has been written.
///
/// # Safety
///
/// Every element must have been written.
unsafe fn initialized<T>(part: &mut [MaybeUninit<T>]) -> &mut [T] {
    // SAFETY: `MaybeUninit<T>` has the layout of `T`, and the caller promises that each is one.
    unsafe { &mut *(std::ptr::from_mut(part) as *mut [T]) }
}

/// A vector of `len` elements, made in parts of `chunk` (the last may be shorter).
/// `fill(start, out)` must write all of its part, which begins at element `start`.
///
/// # Panics
///
/// If `fill` leaves a part unfinished.
pub(crate) fn collect<T, F>(len: usize, chunk: usize, fill: F) -> Vec<T>
where
    T: Float,
    F: Fn(usize, &mut Out<T>) + Sync,
{
    let mut nothing = vec![(); len.div_ceil(chunk.max(1))];
    collect_beside(len, chunk, &mut nothing, |start, out, ()| fill(start, out))
}

/// [`collect`], where part number i also has `beside[i]` to write to.
///
/// # Panics
///
/// If there are fewer entries than parts, or a part is left unfinished.
pub(crate) fn collect_beside<T, S, F>(len: usize, chunk: usize, beside: &mut [S], fill: F) -> Vec<T>
where
    T: Float,
    S: Send,
    F: Fn(usize, &mut Out<T>, &mut S) + Sync,
{
    let mut result = pool::memory(len);
    let memory: &mut [MaybeUninit<T>] = &mut result.spare_capacity_mut()[..len];
    let chunk = chunk.max(1);
    share::chunks_beside(memory, chunk, beside, len > PARALLEL, |index, memory, beside| {
        let mut out = Out { memory, written: 0 };
        fill(index * chunk, &mut out, beside);
        assert_eq!(out.written, out.memory.len(), "a part of an output was not filled");
    });
    // SAFETY: the capacity is at least `len`, and each chunk has been asserted to be written to its
    // end (`written` grows only past elements that were written).
    unsafe { result.set_len(len) };
    result
}

/// A function of one element.
pub(crate) trait Map1<T>: Copy + Send + Sync {
    /// The value at `x`. Implement it as `#[inline(always)]` and without branches.
    fn at(self, x: T) -> T;
}

/// A function of two elements.
pub(crate) trait Map2<T>: Copy + Send + Sync {
    /// The value at `(x, y)`. Implement it as `#[inline(always)]` and without branches.
    fn at(self, x: T, y: T) -> T;
}

/// A function of three elements.
pub(crate) trait Map3<T>: Copy + Send + Sync {
    /// The value at `(x, y, z)`. Implement it as `#[inline(always)]` and without branches.
    fn at(self, x: T, y: T, z: T) -> T;
}

struct Run1<'a, T, F> {
    f: F,
    x: &'a [T],
    out: &'a mut [MaybeUninit<T>],
}

impl<T: Copy, F: Map1<T>> Kernel for Run1<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (out, &x) in self.out.iter_mut().zip(self.x) {
            out.write(self.f.at(x));
        }
    }
}

struct Run2<'a, T, F> {
    f: F,
    x: &'a [T],
    y: &'a [T],
    out: &'a mut [MaybeUninit<T>],
}

impl<T: Copy, F: Map2<T>> Kernel for Run2<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for ((out, &x), &y) in self.out.iter_mut().zip(self.x).zip(self.y) {
            out.write(self.f.at(x, y));
        }
    }
}

struct Run3<'a, T, F> {
    f: F,
    x: &'a [T],
    y: &'a [T],
    z: &'a [T],
    out: &'a mut [MaybeUninit<T>],
}

impl<T: Copy, F: Map3<T>> Kernel for Run3<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (((out, &x), &y), &z) in self.out.iter_mut().zip(self.x).zip(self.y).zip(self.z) {
            out.write(self.f.at(x, y, z));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_filled_in_parts() {
        for len in [0, 1, 5, PARALLEL, PARALLEL + 3] {
            let v = collect(len, 7, |start, out| {
                let part: Vec<f64> = (start..start + out.len()).map(|i| i as f64).collect();
                out.copy(&part);
            });
            assert_eq!(v, (0..len).map(|i| i as f64).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "not filled")]
    fn an_unfinished_part_is_found() {
        collect(10, 4, |_, out| {
            out.copy(&[1.0f32, 2.0]);
        });
    }
}
