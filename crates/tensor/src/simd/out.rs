//! Outputs written once, into memory that is not zeroed first.
//!
//! Zeroing a buffer costs as much as adding two: an elementwise operation would pay for a third of
//! its time twice. [`Out`] counts what has been written, so that a chunk left half full is found
//! before anybody can read it.

use std::mem::MaybeUninit;

use ndarray::{ArrayD, ArrayViewD, Dimension, IxDyn, ShapeBuilder};

use super::gemm::{Matrix, write_product};
use super::stream::{STREAM, fence, in_strips};
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
    /// Is it a part of so much that it should be written past the caches?
    streams: bool,
}

impl<'a, T: Copy + 'static> Out<'a, T> {
    /// All of the part.
    ///
    /// # Panics
    ///
    /// If it has not been written to its end.
    fn finish(self) -> &'a mut [T] {
        assert_eq!(self.written, self.memory.len(), "a part of an output was not filled");
        if self.streams {
            fence();
        }
        // SAFETY: `written` grows only past elements that were written.
        unsafe { initialized(self.memory) }
    }

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
        run(Fill { x, out: part });
        // SAFETY: the kernel has written every element of `part`.
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

    /// Appends a·b, row after row, and returns it for work in place.
    #[track_caller]
    pub(crate) fn product(&mut self, a: Matrix<'_, T>, b: Matrix<'_, T>) -> &mut [T]
    where
        T: Float,
    {
        let len = a.height() * b.t().height();
        self.write(len, |memory| write_product(a, b, memory))
    }

    /// Appends `len` elements that `write` writes, and returns them for work in place.
    ///
    /// # Panics
    ///
    /// If what `write` gives back is not the memory that it was given.
    #[track_caller]
    pub(crate) fn write(
        &mut self,
        len: usize,
        write: impl for<'m> FnOnce(Memory<'m, T>) -> &'m mut [T],
    ) -> &mut [T] {
        let memory = &mut self.memory[self.written..][..len];
        let start = memory.as_ptr().cast();
        let written = write(Memory { elements: memory, warm: false });
        assert!(
            written.len() == len && written.as_ptr() == start,
            "other elements than those asked for"
        );
        self.written += len;
        written
    }

    /// Appends `f(x)` for each element.
    pub(crate) fn map1<F: Map1<T>>(&mut self, f: F, x: &[T]) {
        let out = &mut self.memory[self.written..][..x.len()];
        if self.streams && F::MEMORY_BOUND {
            in_strips(out, x, |part, out| run(Run1 { f, x: &x[part], out }));
        } else {
            run(Run1 { f, x, out });
        }
        self.written += x.len();
    }

    /// Appends `f(x, y)` for each pair.
    pub(crate) fn map2<F: Map2<T>>(&mut self, f: F, x: &[T], y: &[T]) {
        let out = &mut self.memory[self.written..][..x.len()];
        if self.streams && F::MEMORY_BOUND {
            in_strips(out, x, |part, out| run(Run2 { f, x: &x[part.clone()], y: &y[part], out }));
        } else {
            run(Run2 { f, x, y: &y[..x.len()], out });
        }
        self.written += x.len();
    }

    /// Appends `f(x, y, z)` for each triple.
    pub(crate) fn map3<F: Map3<T>>(&mut self, f: F, x: &[T], y: &[T], z: &[T]) {
        let out = &mut self.memory[self.written..][..x.len()];
        if self.streams && F::MEMORY_BOUND {
            in_strips(out, x, |part, out| {
                run(Run3 { f, x: &x[part.clone()], y: &y[part.clone()], z: &z[part], out })
            });
        } else {
            run(Run3 { f, x, y: &y[..x.len()], z: &z[..x.len()], out });
        }
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

/// Memory for the whole of an output. Whoever is given it gives back its elements, all written.
pub(crate) struct Memory<'a, T> {
    elements: &'a mut [MaybeUninit<T>],
    /// Has it been written before? The caches hold much of what the system has just cleared.
    warm: bool,
}

impl<'a, T: Float> Memory<'a, T> {
    /// The elements of an array that is overwritten.
    pub(crate) fn of(elements: &'a mut [T]) -> Self {
        // SAFETY: `MaybeUninit<T>` has the layout of `T`. A `Memory` writes nothing but values of
        // `T`, so that the elements are initialised whenever the borrow ends.
        let elements = unsafe { &mut *(std::ptr::from_mut(elements) as *mut [MaybeUninit<T>]) };
        Memory { elements, warm: true }
    }

    /// Written in parts of `chunk` elements (the last may be shorter): `fill(start, out)` must write
    /// all of its part, which begins at element `start`.
    ///
    /// # Panics
    ///
    /// If `fill` leaves a part unfinished.
    pub(crate) fn fill<F>(self, chunk: usize, fill: F) -> &'a mut [T]
    where
        F: Fn(usize, &mut Out<T>) + Sync,
    {
        let (chunk, parallel) = (chunk.max(1), self.len() > PARALLEL);
        self.fill_parts(chunk, parallel, |index, out| fill(index * chunk, out))
    }

    /// [`Memory::fill`] by the number of the part, on several threads if `parallel`.
    ///
    /// # Panics
    ///
    /// If `fill` leaves a part unfinished.
    pub(crate) fn fill_parts<F>(self, chunk: usize, parallel: bool, fill: F) -> &'a mut [T]
    where
        F: Fn(usize, &mut Out<T>) + Sync,
    {
        let (len, chunk) = (self.len(), chunk.max(1));
        if (1..=chunk).contains(&len) {
            // One part is nothing to be shared out, and what is small should not cost more than its work.
            let mut out = Out { memory: self.elements, written: 0, streams: false };
            fill(0, &mut out);
            return out.finish();
        }
        let mut nothing = vec![(); len.div_ceil(chunk)];
        self.fill_beside(chunk, &mut nothing, parallel, |index, out, ()| fill(index, out))
    }

    /// [`Memory::fill_parts`], where part number i also has `beside[i]` to write to.
    ///
    /// # Panics
    ///
    /// If there are fewer entries than parts, or a part is left unfinished.
    fn fill_beside<S, F>(
        self,
        chunk: usize,
        beside: &mut [S],
        parallel: bool,
        fill: F,
    ) -> &'a mut [T]
    where
        S: Send,
        F: Fn(usize, &mut Out<T>, &mut S) + Sync,
    {
        let memory = self.elements;
        let streams = self.warm && size_of_val::<[_]>(memory) > STREAM;
        share::chunks_beside(memory, chunk, beside, parallel, |index, memory, beside| {
            let mut out = Out { memory, written: 0, streams };
            fill(index, &mut out, beside);
            out.finish();
        });
        // SAFETY: each chunk was finished, and the chunks are all of the memory.
        unsafe { initialized(memory) }
    }

    /// Filled with zeros.
    pub(crate) fn zeros(self) -> &'a mut [T] {
        self.filled(T::ZERO)
    }

    /// Every element `x`.
    pub(crate) fn filled(self, x: T) -> &'a mut [T] {
        self.elements.fill(MaybeUninit::new(x));
        // SAFETY: every element has just been written.
        unsafe { initialized(self.elements) }
    }

    /// Where the first element goes; for `gemm`, which writes by address.
    pub(super) fn as_mut_ptr(&mut self) -> *mut T {
        self.elements.as_mut_ptr().cast()
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The elements, if they have been written by address.
    ///
    /// # Safety
    ///
    /// Every element must have been written.
    pub(super) unsafe fn written(self) -> &'a mut [T] {
        // SAFETY: the caller's promise.
        unsafe { initialized(self.elements) }
    }
}

/// A vector of `len` elements that `write` writes, in memory that is warm if there is some.
///
/// # Panics
///
/// If what `write` gives back is not the memory that it was given.
pub(crate) fn fresh<T: Float>(
    len: usize,
    write: impl for<'a> FnOnce(Memory<'a, T>) -> &'a mut [T],
) -> Vec<T> {
    let (mut result, warm) = pool::memory(len);
    let memory = &mut result.spare_capacity_mut()[..len];
    let start = memory.as_ptr().cast();
    let written = write(Memory { elements: memory, warm });
    assert!(
        written.len() == len && written.as_ptr() == start,
        "other elements than those asked for"
    );
    // SAFETY: the capacity is at least `len`. A reference to `len` elements at this very place says
    // that all of them are initialised.
    unsafe { result.set_len(len) };
    result
}

/// An array of `data`, which has as many elements as `shape` says.
///
/// # Panics
///
/// If it has not.
pub(crate) fn shaped<T>(shape: &[usize], data: Vec<T>) -> ArrayD<T> {
    let len = shape.iter().try_fold(1, |len: usize, &length| len.checked_mul(length));
    assert!(len == Some(data.len()), "{} elements of an array of shape {shape:?}", data.len());
    // SAFETY: the product of the lengths is that of the data. (What more ndarray would look at, whether
    // strides fit the data, takes as long as a small operation and is always so in standard layout.)
    unsafe { ArrayD::from_shape_vec_unchecked(IxDyn(shape), data) }
}

/// A view whose elements lie side by side in another than the standard order, with no axis backwards:
/// as those of a transposed array.
pub(crate) struct Turned<'a, T> {
    view: &'a ArrayViewD<'a, T>,
    /// The elements in the order of memory.
    pub(crate) elements: &'a [T],
}

impl<'a, T: Float> Turned<'a, T> {
    pub(crate) fn new(view: &'a ArrayViewD<'_, T>) -> Option<Self> {
        let backwards = |(&length, &stride): (&usize, &isize)| length > 1 && stride < 0;
        if view.is_standard_layout() || view.shape().iter().zip(view.strides()).any(backwards) {
            return None;
        }
        view.as_slice_memory_order().map(|elements| Turned { view, elements })
    }

    /// A fresh array that lies in memory as this view does; `write` writes its elements in that order.
    pub(crate) fn fresh(
        &self,
        write: impl for<'m> FnOnce(Memory<'m, T>) -> &'m mut [T],
    ) -> ArrayD<T> {
        let data = fresh(self.elements.len(), write);
        let mut strides = self.view.raw_dim();
        for (stride, &given) in strides.slice_mut().iter_mut().zip(self.view.strides()) {
            *stride = given.unsigned_abs();
        }
        // SAFETY: with these strides, none of which is negative where it counts, the elements of this
        // shape lie side by side from the first on, and `data` has as many.
        unsafe { ArrayD::from_shape_vec_unchecked(self.view.raw_dim().strides(strides), data) }
    }
}

/// A vector of `len` elements: [`Memory::fill`] on fresh memory.
pub(crate) fn collect<T, F>(len: usize, chunk: usize, fill: F) -> Vec<T>
where
    T: Float,
    F: Fn(usize, &mut Out<T>) + Sync,
{
    fresh(len, |memory| memory.fill(chunk, fill))
}

/// [`collect`], where part number i also has `beside[i]` to write to.
pub(crate) fn collect_beside<T, S, F>(len: usize, chunk: usize, beside: &mut [S], fill: F) -> Vec<T>
where
    T: Float,
    S: Send,
    F: Fn(usize, &mut Out<T>, &mut S) + Sync,
{
    let chunk = chunk.max(1);
    let fill = |index: usize, out: &mut Out<T>, beside: &mut S| fill(index * chunk, out, beside);
    fresh(len, |memory| memory.fill_beside(chunk, beside, len > PARALLEL, fill))
}

/// A function of one element.
pub(crate) trait Map1<T>: Copy + Send + Sync {
    /// Is it so quick that memory is waited for? Then large outputs are written past the caches.
    const MEMORY_BOUND: bool = false;
    /// The value at `x`. Implement it as `#[inline(always)]` and without branches.
    fn at(self, x: T) -> T;
}

/// A function of two elements.
pub(crate) trait Map2<T>: Copy + Send + Sync {
    /// As for [`Map1`].
    const MEMORY_BOUND: bool = false;
    /// The value at `(x, y)`. Implement it as `#[inline(always)]` and without branches.
    fn at(self, x: T, y: T) -> T;
}

/// A function of three elements.
pub(crate) trait Map3<T>: Copy + Send + Sync {
    /// As for [`Map1`].
    const MEMORY_BOUND: bool = false;
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

/// `x` everywhere.
struct Fill<'a, T> {
    x: T,
    out: &'a mut [MaybeUninit<T>],
}

impl<T: Copy> Kernel for Fill<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for slot in self.out {
            slot.write(self.x);
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
