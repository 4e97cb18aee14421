//! Memory of arrays that are no longer needed, for the next ones.
//!
//! Fresh memory is dear. The system clears each page when it is first touched, which takes several
//! times as long as an elementwise operation on it, and an array of a few MiB that is dropped goes
//! back to the system at once. A program that computes the same shapes again and again, as training
//! does, hands arrays back with [`recycle`]; the next output of about that size is written into the
//! same, warm memory. (The `_into` forms of the operations do it for one array at a time.)
//!
//! ```
//! use ulp_tensor::{add, ndarray::ArrayD, pool};
//!
//! let x = ArrayD::<f32>::ones(vec![512, 512]);
//! let y = add(x.view(), x.view());
//! let place = y.as_ptr();
//! pool::recycle(y);
//! let z = add(x.view(), x.view());
//! assert_eq!(z.as_ptr(), place);
//! ```
//!
//! Memory that nobody asked for while [`PATIENCE`] other arrays were made is given back to the
//! system; [`release`] gives back all of it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::ArrayD;

use crate::Float;
use crate::simd::huge_pages;

/// Smaller arrays, in bytes, are left to the allocator, which keeps their memory itself.
const SMALLEST: usize = 1 << 16;

/// How many arrays may be made before memory that lies idle goes back to the system.
pub const PATIENCE: u64 = 1 << 14;

/// Hands over the memory of `array` to arrays made later, on any thread.
///
/// Nothing is written, and nothing of the values can be seen again: operations write all of an
/// output before anybody reads it. Arrays below 64 KiB are simply dropped.
pub fn recycle<T: Float>(array: ArrayD<T>) {
    give_back(array.into_raw_vec_and_offset().0);
}

/// [`recycle`] for memory that never was an array.
pub(crate) fn give_back<T: Float>(memory: Vec<T>) {
    if memory.len() * size_of::<T>() >= SMALLEST {
        shelf().put(memory);
    }
}

/// The bytes that lie idle.
#[must_use]
pub fn idle_bytes() -> usize {
    shelf::<f32>().bytes() + shelf::<f64>().bytes()
}

/// Gives all idle memory back to the system.
pub fn release() {
    shelf::<f32>().idle.clear();
    shelf::<f64>().idle.clear();
}

/// An empty vector with room for at least `len` elements, warm memory if there is some, and whether it is.
pub(crate) fn memory<T: Float>(len: usize) -> (Vec<T>, bool) {
    if len.saturating_mul(size_of::<T>()) < SMALLEST {
        return (Vec::with_capacity(len), false);
    }
    // The guard must not live on: fresh memory is asked for without it.
    let warm = shelf().take(len);
    if let Some(warm) = warm {
        return (warm, true);
    }
    let mut fresh = Vec::with_capacity(len);
    huge_pages::prefer(fresh.spare_capacity_mut());
    (fresh, false)
}

/// A vector of `len` zeros: in warm memory if there is some, else in fresh memory, on large pages where
/// the system has them.
///
/// ```
/// assert_eq!(ulp_tensor::pool::zeros::<f32>(3), [0.0; 3]);
/// ```
#[must_use]
pub fn zeros<T: Float>(len: usize) -> Vec<T> {
    let (mut zeros, _) = memory(len);
    zeros.resize(len, T::ZERO);
    zeros
}

fn shelf<T: Float>() -> MutexGuard<'static, Shelf<T>> {
    T::shelf().lock().unwrap_or_else(PoisonError::into_inner)
}

/// The idle memory of one element type.
pub(crate) struct Shelf<T> {
    /// Oldest first.
    idle: VecDeque<Idle<T>>,
    /// The number of arrays made so far.
    made: u64,
}

struct Idle<T> {
    memory: Vec<T>,
    since: u64,
}

impl<T> Shelf<T> {
    pub(crate) const fn new() -> Mutex<Self> {
        Mutex::new(Shelf { idle: VecDeque::new(), made: 0 })
    }

    fn put(&mut self, mut memory: Vec<T>) {
        memory.clear();
        self.idle.push_back(Idle { memory, since: self.made });
    }

    /// Of the memory that fits (an eighth more than asked for is the most), the least; of equals
    /// what was handed over last, which may still be in a cache.
    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        self.made += 1;
        while self.idle.front().is_some_and(|idle| self.made - idle.since > PATIENCE) {
            self.idle.pop_front();
        }
        let fits = len..=len + len / 8;
        let fitting = self.idle.iter().enumerate().rev();
        let fitting = fitting.map(|(index, idle)| (idle.memory.capacity(), index));
        // `min_by_key` gives the first of equals, here the latest.
        let found = fitting.filter(|(c, _)| fits.contains(c)).min_by_key(|&(c, _)| c);
        found.and_then(|(_, index)| self.idle.remove(index)).map(|idle| idle.memory)
    }

    fn bytes(&self) -> usize {
        self.idle.iter().map(|idle| idle.memory.capacity() * size_of::<T>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf_of(capacities: &[usize]) -> Shelf<f32> {
        let mut shelf = Shelf::new().into_inner().unwrap();
        capacities.iter().for_each(|&c| shelf.put(Vec::with_capacity(c)));
        shelf
    }

    #[test]
    fn the_least_that_fits_is_taken_and_of_equals_the_latest() {
        let mut shelf = shelf_of(&[100, 105, 100, 90, 1000]);
        let latest = shelf.idle[2].memory.as_ptr();
        let taken = shelf.take(95).unwrap();
        assert_eq!(taken.as_ptr(), latest);
        assert_eq!(shelf.take(95).unwrap().capacity(), 100);
        assert_eq!(shelf.take(95).unwrap().capacity(), 105);
        assert!(shelf.take(95).is_none(), "1000 is too much");
        assert_eq!(shelf.bytes(), 4 * 1090);
    }

    #[test]
    fn what_nobody_asks_for_is_given_back() {
        let mut shelf = shelf_of(&[100]);
        (0..PATIENCE).for_each(|_| assert!(shelf.take(7).is_none()));
        assert_eq!(shelf.idle.len(), 1);
        assert!(shelf.take(100).is_none());
        assert!(shelf.idle.is_empty());
    }

    #[test]
    fn released_memory_is_gone() {
        // Other tests of this process may hand over and take, but not this much.
        let n = 3 << 20;
        recycle(ArrayD::<f64>::zeros(vec![n]));
        assert!(idle_bytes() >= 8 * n);
        release();
        assert!(idle_bytes() < 8 * n);
    }
}
