//! The blocks of memory that a cache is made of.
//!
//! A [`Block`] is lent: dropping it gives its memory back to the pool. Blocks are shared by
//! [`Arc`], whose count is the block's reference count, and only a block that one sequence alone
//! holds can be written ([`Arc::get_mut`]). So a block cannot leak, cannot be freed twice and
//! cannot be changed under another sequence: the types allow none of it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cells::Cells;
use super::{CacheShape, CacheType};

/// A number of blocks of one kind. Clones are the same pool.
#[derive(Debug, Clone)]
pub(super) struct BlockPool {
    shape: CacheShape,
    ty: CacheType,
    /// Blocks that may be lent at once.
    max: usize,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Memory that has been used before; the last is the next to be lent, since it is the
    /// likeliest to be in a processor's cache.
    free: Vec<(usize, Cells)>,
    lent: usize,
}

/// A block lent by a pool.
#[derive(Debug)]
pub(super) struct Block {
    number: usize,
    /// Absent only while it is dropped.
    cells: Option<Cells>,
    shelf: Arc<Mutex<Shelf>>,
}

impl BlockPool {
    /// A pool of `max` blocks. Memory is taken when it is first needed, then kept: fresh memory is
    /// dear.
    pub(super) fn new(shape: CacheShape, ty: CacheType, max: usize) -> Self {
        BlockPool { shape, ty, max, shelf: Arc::default() }
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
        let fresh = || (made, Cells::new(self.shape, self.ty));
        let (number, cells) = used.unwrap_or_else(fresh);
        Some(Block { number, cells: Some(cells), shelf: Arc::clone(&self.shelf) })
    }

    /// What it holds for each position.
    pub(super) fn shape(&self) -> CacheShape {
        self.shape
    }

    /// How it is stored.
    pub(super) fn ty(&self) -> CacheType {
        self.ty
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
        shelf.free.extend(self.cells.take().map(|cells| (self.number, cells)));
    }
}

impl Deref for Block {
    type Target = Cells;

    fn deref(&self) -> &Cells {
        self.cells.as_ref().expect("a block that is lent has memory")
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut Cells {
        self.cells.as_mut().expect("a block that is lent has memory")
    }
}

/// Nothing inside the lock can panic half way, so a poisoned one is as good.
fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv_cache::cells::WideCell;

    #[test]
    fn dropped_blocks_come_back_and_are_used_again() {
        let shape = CacheShape { layers: 1, kv_heads: 1, head_dim: 2 };
        let pool = BlockPool::new(shape, CacheType::F16, 2);
        let mut a = pool.take().unwrap();
        let b = Arc::new(pool.take().unwrap());
        assert!(pool.take().is_none());
        a.write(shape, 0, 3, &[7.0, 0.0], &[0.0; 2]);
        drop(a);
        assert_eq!((pool.free(), pool.max()), (1, 2));
        let again = pool.take().unwrap();
        let mut wide = WideCell::default();
        let seven = again.read(shape, 0, &mut wide).0[3];
        assert_eq!((seven, again.number(), b.number()), (7.0, 0, 1), "the memory is the same");
        drop(again);
        let shared = Arc::clone(&b);
        drop(b);
        assert_eq!(pool.free(), 1, "the other holder still has it");
        drop(shared);
        assert_eq!(pool.free(), 2);
    }
}
