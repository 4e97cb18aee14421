//! The blocks of memory that a cache is made of.
//!
//! A [`Block`] is lent: dropping it gives its memory back to the pool. Blocks are shared by
//! [`Arc`], whose count is the block's reference count, and only a block that one sequence alone
//! holds can be written ([`Arc::get_mut`]). So a block cannot leak, cannot be freed twice and
//! cannot be changed under another sequence: the types allow none of it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A number of blocks of one size. Clones are the same pool.
#[derive(Debug, Clone)]
pub(super) struct BlockPool {
    /// Numbers in a block.
    elements: usize,
    /// Blocks that may be lent at once.
    max: usize,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Memory that has been used before; the last is the next to be lent, since it is the
    /// likeliest to be in a processor's cache.
    free: Vec<(usize, Box<[f32]>)>,
    lent: usize,
}

/// A block lent by a pool.
#[derive(Debug)]
pub(super) struct Block {
    number: usize,
    data: Box<[f32]>,
    shelf: Arc<Mutex<Shelf>>,
}

impl BlockPool {
    /// A pool of `max` blocks of `elements` numbers. Memory is taken when it is first needed, then
    /// kept: fresh memory is dear.
    pub(super) fn new(elements: usize, max: usize) -> Self {
        BlockPool { elements, max, shelf: Arc::default() }
    }

    /// A block of no particular content, if one is free.
    pub(super) fn take(&self) -> Option<Block> {
        let mut shelf = lock(&self.shelf);
        if shelf.lent == self.max {
            return None;
        }
        // Blocks are numbered as their memory is taken.
        let made = shelf.lent + shelf.free.len();
        shelf.lent += 1;
        let used = shelf.free.pop();
        drop(shelf);
        let fresh = || (made, vec![0.0; self.elements].into_boxed_slice());
        let (number, data) = used.unwrap_or_else(fresh);
        Some(Block { number, data, shelf: Arc::clone(&self.shelf) })
    }

    /// How many blocks there are.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// How many are not lent.
    pub(super) fn free(&self) -> usize {
        self.max - lock(&self.shelf).lent
    }
}

impl Block {
    /// Which of the pool's blocks it is, from 0.
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut shelf = lock(&self.shelf);
        shelf.lent -= 1;
        shelf.free.push((self.number, std::mem::take(&mut self.data)));
    }
}

impl Deref for Block {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.data
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

/// Nothing inside the lock can panic half way, so a poisoned one is as good.
fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_blocks_come_back_and_are_used_again() {
        let pool = BlockPool::new(4, 2);
        let mut a = pool.take().unwrap();
        let b = Arc::new(pool.take().unwrap());
        assert!(pool.take().is_none());
        a[3] = 7.0;
        drop(a);
        assert_eq!((pool.free(), pool.max()), (1, 2));
        let again = pool.take().unwrap();
        assert_eq!((again[3], again.number(), b.number()), (7.0, 0, 1), "the memory is the same");
        drop(again);
        let shared = Arc::clone(&b);
        drop(b);
        assert_eq!(pool.free(), 1, "the other holder still has it");
        drop(shared);
        assert_eq!(pool.free(), 2);
    }
}
