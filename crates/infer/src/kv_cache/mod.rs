//! The keys and values of positions that have been computed, kept for those that follow.
//!
//! Storage is in blocks of [`BLOCK`] positions ([PagedAttention](https://arxiv.org/abs/2309.06180)).
//! A sequence holds a list of blocks and grows by one at a time, so nothing is copied as it grows
//! and what a finished sequence held is at once another's. Sequences that begin with the same
//! tokens share blocks ([`KvCache::fork`]); one that is to be written is copied first if another
//! sequence holds it too. Only this module knows where a position lies: attention asks for block
//! after block.
//!
//! Within a block the keys lie transposed, `[D, BLOCK]`: a query is multiplied with all positions
//! of the block at once, element after element, and no sum crosses lanes. Values lie as they come,
//! `[BLOCK, D]`: their weighted sum runs along positions. Values are f32, so that a cached position
//! has the very bits that were computed.

mod block_pool;

use std::sync::Arc;

use crate::error::InferError;
use block_pool::{Block, BlockPool};

/// Positions in a block. Also the unit of attention's reductions, and so a part of what the bits
/// of a result depend on: it may not be tuned to a machine.
pub(crate) const BLOCK: usize = 64;

/// Lanes to which the rows of values are padded with zeros.
const LANES: usize = 16;

/// What a cache has to hold for each position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    /// L, the number of layers.
    pub layers: usize,
    /// K, the number of key and value heads.
    pub kv_heads: usize,
    /// D, the width of a head.
    pub head_dim: usize,
}

impl CacheShape {
    /// The width of a value row in the cache: D, padded to whole lanes.
    pub(crate) fn value_stride(&self) -> usize {
        self.head_dim.next_multiple_of(LANES)
    }

    fn key_elements(&self) -> usize {
        self.head_dim * BLOCK
    }

    fn head_elements(&self) -> usize {
        self.key_elements() + BLOCK * self.value_stride()
    }

    fn block_elements(&self) -> usize {
        self.layers * self.kv_heads * self.head_elements()
    }
}

/// Names a sequence in a [`KvCache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(usize);

#[derive(Debug, Default)]
struct CachedSequence {
    blocks: Vec<Arc<Block>>,
    len: usize,
}

impl CachedSequence {
    /// Whether the next position goes into a block that another sequence holds too.
    fn ends_in_shared(&self) -> bool {
        let partial = !self.len.is_multiple_of(BLOCK);
        partial && self.blocks.get(self.len / BLOCK).is_some_and(|b| Arc::strong_count(b) > 1)
    }
}

/// The keys and values of many sequences.
///
/// # Examples
///
/// ```
/// use ulp_infer::{CacheShape, KvCache};
///
/// let shape = CacheShape { layers: 2, kv_heads: 1, head_dim: 8 };
/// let mut cache = KvCache::new(shape, 1024);
/// let sequence = cache.open();
/// assert_eq!((cache.len(sequence), cache.free_positions()), (0, 1024));
/// cache.close(sequence);
/// ```
#[derive(Debug)]
pub struct KvCache {
    shape: CacheShape,
    pool: BlockPool,
    sequences: Vec<Option<CachedSequence>>,
}

impl KvCache {
    /// A cache for `positions` positions in all, rounded up to whole blocks. Memory is taken as
    /// positions fill.
    pub fn new(shape: CacheShape, positions: usize) -> Self {
        KvCache {
            shape,
            pool: BlockPool::new(shape.block_elements(), positions.div_ceil(BLOCK)),
            sequences: Vec::new(),
        }
    }

    /// What it holds for each position.
    pub fn shape(&self) -> CacheShape {
        self.shape
    }

    /// Bytes that one position takes.
    pub fn bytes_per_position(shape: CacheShape) -> usize {
        shape.block_elements() / BLOCK * size_of::<f32>()
    }

    /// Starts an empty sequence.
    pub fn open(&mut self) -> SequenceId {
        self.put(CachedSequence::default())
    }

    /// Starts a sequence with the first `len` positions of another one. Nothing is copied: they
    /// share blocks, until one of them writes into a block that both hold.
    ///
    /// # Panics
    ///
    /// If the sequence is not open or has fewer positions.
    #[track_caller]
    pub fn fork(&mut self, sequence: SequenceId, len: usize) -> SequenceId {
        let cached = self.sequence(sequence);
        assert!(len <= cached.len, "{len} of {} positions", cached.len);
        let blocks = cached.blocks[..len.div_ceil(BLOCK)].to_vec();
        self.put(CachedSequence { blocks, len })
    }

    fn put(&mut self, cached: CachedSequence) -> SequenceId {
        let slot = self.sequences.iter().position(Option::is_none);
        let slot = slot.unwrap_or_else(|| {
            self.sequences.push(None);
            self.sequences.len() - 1
        });
        self.sequences[slot] = Some(cached);
        SequenceId(slot)
    }

    /// Ends a sequence and frees the blocks that no other one holds.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn close(&mut self, sequence: SequenceId) {
        self.sequences[sequence.0].take().expect("the sequence is open");
    }

    /// The number of positions that a sequence has.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn len(&self, sequence: SequenceId) -> usize {
        self.sequence(sequence).len
    }

    /// Whether a sequence has no positions yet.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn is_empty(&self, sequence: SequenceId) -> bool {
        self.len(sequence) == 0
    }

    /// Forgets the positions of a sequence from `len` on.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn truncate(&mut self, sequence: SequenceId, len: usize) {
        let cached = self.sequences[sequence.0].as_mut().expect("the sequence is open");
        cached.len = cached.len.min(len);
        cached.blocks.truncate(cached.len.div_ceil(BLOCK));
    }

    /// How many of `sequences` hold each block, by the blocks' numbers.
    #[track_caller]
    pub(crate) fn holders(&self, sequences: impl Iterator<Item = SequenceId>) -> Vec<usize> {
        let mut holders = vec![0; self.pool.max()];
        for sequence in sequences {
            for block in &self.sequence(sequence).blocks {
                holders[block.number()] += 1;
            }
        }
        holders
    }

    /// Positions in all blocks.
    pub fn capacity(&self) -> usize {
        self.pool.max() * BLOCK
    }

    /// Positions in blocks that no sequence holds.
    pub fn free_positions(&self) -> usize {
        self.pool.free() * BLOCK
    }

    /// How many positions `sequence` can still be given.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn room(&self, sequence: SequenceId) -> usize {
        let cached = self.sequence(sequence);
        let held = cached.blocks.len() * BLOCK - cached.len;
        match self.free_positions() {
            0 if cached.ends_in_shared() => 0,
            free if cached.ends_in_shared() => held + free - BLOCK,
            free => held + free,
        }
    }

    /// Blocks that `sequence` has to be given for `n` more positions, one to copy a shared block
    /// into among them.
    #[track_caller]
    pub(crate) fn new_blocks(&self, sequence: SequenceId, n: usize) -> usize {
        let cached = self.sequence(sequence);
        let copy = usize::from(n > 0 && cached.ends_in_shared());
        copy + (cached.len + n).div_ceil(BLOCK).saturating_sub(cached.blocks.len())
    }

    /// # Errors
    ///
    /// [`InferError::ContextFull`] if fewer than `n` blocks are free.
    pub(crate) fn expect_free_blocks(&self, n: usize) -> Result<(), InferError> {
        let (free, context) = (self.free_positions(), self.capacity());
        if n * BLOCK <= free {
            return Ok(());
        }
        Err(InferError::ContextFull { needed: context - free + n * BLOCK, context })
    }

    /// Makes room for `n` positions after the present end of `sequence`.
    ///
    /// # Errors
    ///
    /// [`InferError::ContextFull`] if there is not enough; nothing has changed then.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub(crate) fn reserve(&mut self, sequence: SequenceId, n: usize) -> Result<(), InferError> {
        let new = self.new_blocks(sequence, n);
        self.expect_free_blocks(new)?;
        let cached = self.sequences[sequence.0].as_mut().expect("the sequence is open");
        let take = || self.pool.take().expect("free blocks were counted");
        let mut new = new;
        if n > 0 && cached.ends_in_shared() {
            let shared = &mut cached.blocks[cached.len / BLOCK];
            let mut copy = take();
            copy.copy_from_slice(shared);
            *shared = Arc::new(copy);
            new -= 1;
        }
        cached.blocks.extend((0..new).map(|_| Arc::new(take())));
        Ok(())
    }

    /// Stores a position's keys and values in one layer. `key` and `value` are `[K, D]`. The
    /// position counts from [`KvCache::advance`] on.
    ///
    /// # Panics
    ///
    /// If the position was not reserved or a row has another length.
    #[track_caller]
    pub(crate) fn write(
        &mut self,
        sequence: SequenceId,
        layer: usize,
        position: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let shape = self.shape;
        let cached = self.sequences[sequence.0].as_mut().expect("the sequence is open");
        let block = &mut cached.blocks[position / BLOCK];
        let block = Arc::get_mut(block).expect("reserved blocks are the sequence's own");
        let column = position % BLOCK;
        let (d, stride) = (shape.head_dim, shape.value_stride());
        assert_eq!((key.len(), value.len()), (shape.kv_heads * d, shape.kv_heads * d));
        for head in 0..shape.kv_heads {
            let start = (layer * shape.kv_heads + head) * shape.head_elements();
            let cell = &mut block[start..start + shape.head_elements()];
            let (keys, values) = cell.split_at_mut(shape.key_elements());
            for (row, &x) in keys.chunks_exact_mut(BLOCK).zip(&key[head * d..][..d]) {
                row[column] = x;
            }
            values[column * stride..][..d].copy_from_slice(&value[head * d..][..d]);
        }
    }

    /// Counts `n` more positions, which have been written in every layer.
    ///
    /// # Panics
    ///
    /// If they were not reserved.
    #[track_caller]
    pub(crate) fn advance(&mut self, sequence: SequenceId, n: usize) {
        let cached = self.sequences[sequence.0].as_mut().expect("the sequence is open");
        assert!(cached.len + n <= cached.blocks.len() * BLOCK, "positions were not reserved");
        cached.len += n;
    }

    /// Block `index` of a sequence, of one layer and head: keys `[D, BLOCK]` and values
    /// `[BLOCK, value_stride]`. Positions that were not written hold anything.
    pub(crate) fn block(
        &self,
        sequence: SequenceId,
        index: usize,
        layer: usize,
        head: usize,
    ) -> (&[f32], &[f32]) {
        let block = &self.sequence(sequence).blocks[index];
        let start = (layer * self.shape.kv_heads + head) * self.shape.head_elements();
        block[start..start + self.shape.head_elements()].split_at(self.shape.key_elements())
    }

    #[track_caller]
    fn sequence(&self, sequence: SequenceId) -> &CachedSequence {
        self.sequences[sequence.0].as_ref().expect("the sequence is open")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: CacheShape = CacheShape { layers: 2, kv_heads: 2, head_dim: 4 };

    fn write(cache: &mut KvCache, sequence: SequenceId, tag: f32) {
        let position = cache.len(sequence);
        cache.reserve(sequence, 1).unwrap();
        for layer in 0..2 {
            let row: Vec<f32> =
                (0..8).map(|i| tag + (layer * 8 + i) as f32 * 1000.0 + position as f32).collect();
            let negative: Vec<f32> = row.iter().map(|x| -x).collect();
            cache.write(sequence, layer, position, &row, &negative);
        }
        cache.advance(sequence, 1);
    }

    #[test]
    fn positions_come_back_from_where_they_were_put() {
        let mut cache = KvCache::new(SHAPE, 400);
        let (a, b) = (cache.open(), cache.open());
        for _ in 0..130 {
            write(&mut cache, a, 0.0);
            write(&mut cache, b, 0.5);
        }
        for (sequence, tag) in [(a, 0.0), (b, 0.5)] {
            for position in 0..130 {
                for (layer, head, d) in [(0, 0, 0), (0, 1, 3), (1, 0, 2), (1, 1, 1)] {
                    let (keys, values) = cache.block(sequence, position / BLOCK, layer, head);
                    let x = tag + ((layer * 8 + head * 4 + d) * 1000 + position) as f32;
                    assert_eq!(keys[d * BLOCK + position % BLOCK], x);
                    assert_eq!(values[position % BLOCK * SHAPE.value_stride() + d], -x);
                }
            }
        }
    }

    #[test]
    fn blocks_are_counted_and_come_back() {
        let mut cache = KvCache::new(SHAPE, 2 * BLOCK);
        let a = cache.open();
        let b = cache.open();
        cache.reserve(a, BLOCK).unwrap();
        cache.advance(a, BLOCK);
        assert_eq!(cache.room(a), BLOCK);
        cache.reserve(b, 1).unwrap();
        assert_eq!(cache.free_positions(), 0);
        assert!(matches!(
            cache.reserve(a, 1),
            Err(InferError::ContextFull { needed: 192, context: 128 })
        ));
        cache.close(b);
        cache.reserve(a, BLOCK).unwrap();
        cache.truncate(a, 3);
        assert_eq!((cache.len(a), cache.free_positions()), (3, BLOCK));
        cache.close(a);
        assert_eq!(cache.free_positions(), 2 * BLOCK);
        assert_eq!(cache.open(), a, "the first free slot is used again");
    }

    #[test]
    fn a_fork_shares_until_it_is_written() {
        let mut cache = KvCache::new(SHAPE, 4 * BLOCK);
        let a = cache.open();
        for _ in 0..70 {
            write(&mut cache, a, 0.0);
        }
        let b = cache.fork(a, 66);
        assert_eq!((cache.len(b), cache.free_positions()), (66, 2 * BLOCK));
        assert_eq!(cache.room(b), 2 * BLOCK - 2, "a block of the room takes the copy");
        write(&mut cache, b, 0.5);
        assert_eq!(cache.free_positions(), BLOCK, "one block was copied, one is shared");
        let key = |cache: &KvCache, sequence, position: usize| {
            cache.block(sequence, position / BLOCK, 0, 0).0[position % BLOCK]
        };
        assert_eq!((key(&cache, a, 65), key(&cache, b, 65)), (65.0, 65.0));
        assert_eq!((key(&cache, a, 66), key(&cache, b, 66)), (66.0, 66.5));
        cache.close(a);
        assert_eq!(cache.free_positions(), 2 * BLOCK);
        write(&mut cache, b, 0.5);
        assert_eq!(cache.free_positions(), 2 * BLOCK, "now it is alone, nothing is copied");
        cache.close(b);
        assert_eq!(cache.free_positions(), 4 * BLOCK);
    }

    #[test]
    fn a_copy_needs_a_free_block() {
        let mut cache = KvCache::new(SHAPE, BLOCK);
        let a = cache.open();
        write(&mut cache, a, 0.0);
        let b = cache.fork(a, 1);
        assert_eq!((cache.room(a), cache.room(b)), (0, 0));
        assert!(cache.reserve(b, 1).is_err());
        assert!(cache.reserve(b, 0).is_ok());
        cache.close(a);
        assert_eq!(cache.room(b), BLOCK - 1);
        assert!(cache.reserve(b, 1).is_ok());
    }
}
