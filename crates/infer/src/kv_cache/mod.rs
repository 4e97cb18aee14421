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
//! `[BLOCK, D]`: their weighted sum runs along positions.
//!
//! Stored as f32, a cached position has the very bits that were computed, and attention reads it
//! where it lies. The smaller types ([`CacheType`]) are rounded when a position is written, and
//! widened block by block, head by head, into a buffer that fits the nearest cache: attention
//! computes with the rounded numbers as it would with any others.

mod block_pool;
mod cache_type;
mod cells;
#[cfg(test)]
pub(crate) mod oracle;
mod q8_0;
mod rope_factors;
mod shared_block;

use std::ops::Range;
use std::ptr;
use std::sync::Arc;

use crate::error::InferError;
use block_pool::{Block, BlockPool};
pub use cache_type::{CacheType, UnknownCacheType};
use cells::Cells;
pub(crate) use cells::WideCell;
pub use rope_factors::RopeFactors;
pub(crate) use shared_block::SharedBlock;

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

    /// Numbers of a block in one layer and head.
    fn cell_elements(&self) -> usize {
        self.key_elements() + BLOCK * self.value_stride()
    }

    fn block_elements(&self) -> usize {
        self.layers * self.kv_heads * self.cell_elements()
    }

    /// The keys and values of a cell of a block.
    fn cell<'a, T>(&self, block: &'a [T], index: usize) -> (&'a [T], &'a [T]) {
        let len = self.cell_elements();
        block[index * len..][..len].split_at(self.key_elements())
    }

    fn cell_mut<'a, T>(&self, block: &'a mut [T], index: usize) -> (&'a mut [T], &'a mut [T]) {
        let len = self.cell_elements();
        block[index * len..][..len].split_at_mut(self.key_elements())
    }
}

/// Names a sequence in a [`KvCache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(usize);

#[derive(Debug, Default)]
struct CachedSequence {
    blocks: Vec<Arc<Block>>,
    len: usize,
    factors: RopeFactors,
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
    pool: BlockPool,
    sequences: Vec<Option<CachedSequence>>,
}

impl KvCache {
    /// A cache in f32 for `positions` positions in all, rounded up to whole blocks. Memory is taken
    /// as positions fill.
    pub fn new(shape: CacheShape, positions: usize) -> Self {
        KvCache::of_type(shape, CacheType::F32, positions)
    }

    /// A cache that stores its numbers as `ty`.
    pub fn of_type(shape: CacheShape, ty: CacheType, positions: usize) -> Self {
        // As many blocks as positions can be counted in.
        let pool = BlockPool::new(shape, ty, positions.div_ceil(BLOCK).min(usize::MAX / BLOCK));
        KvCache { pool, sequences: Vec::new() }
    }

    /// What it holds for each position.
    pub fn shape(&self) -> CacheShape {
        self.pool.shape()
    }

    /// How it stores them.
    pub fn cache_type(&self) -> CacheType {
        self.pool.ty()
    }

    /// Bytes that one position takes.
    pub fn bytes_per_position(shape: CacheShape, ty: CacheType) -> usize {
        Cells::bytes(shape, ty) / BLOCK
    }

    pub(crate) fn block_bytes(&self) -> usize {
        Cells::bytes(self.shape(), self.cache_type())
    }

    /// Starts an empty sequence, of any length for most models: see [`KvCache::open_with`].
    pub fn open(&mut self) -> SequenceId {
        self.open_with(RopeFactors::Short)
    }

    /// Starts an empty sequence whose keys are turned with these factors:
    /// [`Model::rope_factors`](crate::Model::rope_factors) of the length it is to have.
    pub fn open_with(&mut self, factors: RopeFactors) -> SequenceId {
        self.put(CachedSequence { factors, ..CachedSequence::default() })
    }

    /// The factors with which a sequence's keys are turned.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn rope_factors(&self, sequence: SequenceId) -> RopeFactors {
        self.sequence(sequence).factors
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
        let factors = cached.factors;
        self.put(CachedSequence { blocks, len, factors })
    }

    /// A hold on each of a sequence's blocks.
    #[track_caller]
    pub(crate) fn share(&self, sequence: SequenceId) -> Vec<SharedBlock> {
        self.sequence(sequence).blocks.iter().map(|block| SharedBlock(Arc::clone(block))).collect()
    }

    /// Starts a sequence of `len` positions that lie in blocks of others, which all of its positions
    /// take: the same as a fork of a sequence that had them.
    #[track_caller]
    pub(crate) fn open_on(
        &mut self,
        blocks: Vec<SharedBlock>,
        len: usize,
        factors: RopeFactors,
    ) -> SequenceId {
        assert_eq!(blocks.len(), len.div_ceil(BLOCK), "the blocks of {len} positions");
        let blocks = blocks.into_iter().map(|SharedBlock(block)| block).collect();
        self.put(CachedSequence { blocks, len, factors })
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
            copy.copy_from(shared);
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
        let shape = self.shape();
        let cached = self.sequences[sequence.0].as_mut().expect("the sequence is open");
        let block = &mut cached.blocks[position / BLOCK];
        let block = Arc::get_mut(block).expect("reserved blocks are the sequence's own");
        let (d, width) = (shape.head_dim, shape.kv_heads * shape.head_dim);
        assert_eq!((key.len(), value.len()), (width, width));
        for (head, (key, value)) in key.chunks_exact(d).zip(value.chunks_exact(d)).enumerate() {
            block.write(shape, layer * shape.kv_heads + head, position % BLOCK, key, value);
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
    /// `[BLOCK, value_stride]`, widened into `wide` if they are not stored as f32. Positions that
    /// were not written hold anything.
    pub(crate) fn block<'a>(
        &'a self,
        sequence: SequenceId,
        index: usize,
        layer: usize,
        head: usize,
        wide: &'a mut WideCell,
    ) -> (&'a [f32], &'a [f32]) {
        let (shape, block) = (self.shape(), &self.sequence(sequence).blocks[index]);
        block.read(shape, layer * shape.kv_heads + head, wide)
    }

    /// Where the numbers of [`KvCache::block`] lie, for those who ask for them before they read them; nowhere if
    /// there is no such block or head.
    pub(crate) fn addresses(
        &self,
        sequence: SequenceId,
        index: usize,
        layer: usize,
        head: usize,
    ) -> Range<*const u8> {
        let shape = self.shape();
        match self.sequence(sequence).blocks.get(index) {
            Some(block) if head < shape.kv_heads => {
                block.addresses(shape, layer * shape.kv_heads + head)
            }
            _ => ptr::null()..ptr::null(),
        }
    }

    #[track_caller]
    fn sequence(&self, sequence: SequenceId) -> &CachedSequence {
        self.sequences[sequence.0].as_ref().expect("the sequence is open")
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use ulp_tensor::Philox;

    use super::*;

    const SHAPE: CacheShape = CacheShape { layers: 2, kv_heads: 2, head_dim: 4 };

    /// Heads of one group, of several, and of groups that are not full.
    const SHAPES: [CacheShape; 3] = [
        SHAPE,
        CacheShape { layers: 1, kv_heads: 3, head_dim: 64 },
        CacheShape { layers: 2, kv_heads: 1, head_dim: 80 },
    ];

    /// What a layer has at a position: no two rows are alike.
    fn rows(shape: CacheShape, layer: usize, position: usize, seed: u64) -> [Vec<f32>; 2] {
        let width = (shape.kv_heads * shape.head_dim) as u64;
        let first = (layer * 1000 + position) as u64 * width;
        [0, 1].map(|part| {
            let random = Philox::new(seed, part);
            (first..first + width).map(|i| random.normal(i)).collect()
        })
    }

    fn write(cache: &mut KvCache, sequence: SequenceId, seed: u64) {
        let (shape, position) = (cache.shape(), cache.len(sequence));
        cache.reserve(sequence, 1).unwrap();
        for layer in 0..shape.layers {
            let [key, value] = rows(shape, layer, position, seed);
            cache.write(sequence, layer, position, &key, &value);
        }
        cache.advance(sequence, 1);
    }

    /// Positions `range` of a sequence are those that were written from `seed`.
    fn check(cache: &KvCache, sequence: SequenceId, range: Range<usize>, seed: u64) {
        let (shape, mut wide) = (cache.shape(), WideCell::default());
        let d = shape.head_dim;
        for (position, layer) in range.flat_map(|p| (0..shape.layers).map(move |l| (p, l))) {
            let [key, value] = rows(shape, layer, position, seed)
                .map(|row| oracle::stored(cache.cache_type(), &row, d));
            let (index, column) = (position / BLOCK, position % BLOCK);
            for head in 0..shape.kv_heads {
                let (keys, values) = cache.block(sequence, index, layer, head, &mut wide);
                let found: Vec<f32> = (0..d).map(|i| keys[i * BLOCK + column]).collect();
                assert_eq!(found, key[head * d..][..d], "{position} {layer} {head}");
                let found = &values[column * shape.value_stride()..][..d];
                assert_eq!(found, &value[head * d..][..d], "{position} {layer} {head}");
            }
        }
    }

    #[test]
    fn a_cache_of_all_positions_that_can_be_counted() {
        let cache = KvCache::new(CacheShape { layers: 1, kv_heads: 1, head_dim: 2 }, usize::MAX);
        assert_eq!(cache.capacity(), usize::MAX / BLOCK * BLOCK);
    }

    #[test]
    fn positions_come_back_from_where_they_were_put() {
        for (ty, shape) in CacheType::ALL.into_iter().flat_map(|ty| SHAPES.map(|s| (ty, s))) {
            let mut cache = KvCache::of_type(shape, ty, 400);
            let (a, b) = (cache.open(), cache.open());
            for _ in 0..130 {
                write(&mut cache, a, 1);
                write(&mut cache, b, 2);
            }
            check(&cache, a, 0..130, 1);
            check(&cache, b, 0..130, 2);
        }
    }

    #[test]
    fn what_is_no_number_shows() {
        let shape = CacheShape { layers: 1, kv_heads: 1, head_dim: 64 };
        for ty in CacheType::ALL {
            for wrong in [f32::NAN, f32::INFINITY] {
                let mut cache = KvCache::of_type(shape, ty, BLOCK);
                let sequence = cache.open();
                cache.reserve(sequence, 1).unwrap();
                let mut row = vec![127.0; 64];
                row[40] = wrong;
                cache.write(sequence, 0, 0, &row, &row);
                let mut wide = WideCell::default();
                let (keys, values) = cache.block(sequence, 0, 0, 0, &mut wide);
                assert!(!keys[40 * BLOCK].is_finite() && !values[40].is_finite(), "{ty} {wrong}");
                assert_eq!((keys[31 * BLOCK], values[31]), (127.0, 127.0), "{ty} {wrong}");
            }
        }
    }

    #[test]
    fn bytes_are_those_of_the_blocks() {
        // Keys of 80 numbers in groups of 32, 32 and 16; values alike.
        let shape = CacheShape { layers: 2, kv_heads: 1, head_dim: 80 };
        let bytes = |ty| KvCache::bytes_per_position(shape, ty);
        assert_eq!(bytes(CacheType::F32), 2 * 160 * 4);
        assert_eq!(bytes(CacheType::F16), 2 * 160 * 2);
        assert_eq!(bytes(CacheType::Q8_0), 2 * (160 + 6 * 2));
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
        for ty in CacheType::ALL {
            check_fork(ty);
        }
    }

    fn check_fork(ty: CacheType) {
        let mut cache = KvCache::of_type(SHAPE, ty, 4 * BLOCK);
        let a = cache.open();
        for _ in 0..70 {
            write(&mut cache, a, 1);
        }
        let b = cache.fork(a, 66);
        assert_eq!((cache.len(b), cache.free_positions()), (66, 2 * BLOCK));
        assert_eq!(cache.room(b), 2 * BLOCK - 2, "a block of the room takes the copy");
        write(&mut cache, b, 2);
        assert_eq!(cache.free_positions(), BLOCK, "one block was copied, one is shared");
        check(&cache, a, 0..70, 1);
        check(&cache, b, 0..66, 1);
        check(&cache, b, 66..67, 2);
        cache.close(a);
        assert_eq!(cache.free_positions(), 2 * BLOCK);
        write(&mut cache, b, 2);
        assert_eq!(cache.free_positions(), 2 * BLOCK, "now it is alone, nothing is copied");
        check(&cache, b, 66..68, 2);
        cache.close(b);
        assert_eq!(cache.free_positions(), 4 * BLOCK);
    }

    #[test]
    fn a_copy_needs_a_free_block() {
        let mut cache = KvCache::new(SHAPE, BLOCK);
        let a = cache.open();
        write(&mut cache, a, 1);
        let b = cache.fork(a, 1);
        assert_eq!((cache.room(a), cache.room(b)), (0, 0));
        assert!(cache.reserve(b, 1).is_err());
        assert!(cache.reserve(b, 0).is_ok());
        cache.close(a);
        assert_eq!(cache.room(b), BLOCK - 1);
        assert!(cache.reserve(b, 1).is_ok());
    }
}
