//! The keys and values of positions that have been computed, kept for those that follow.
//!
//! Storage is in blocks of [`BLOCK`] positions. A sequence owns a list of blocks and grows by one
//! at a time, so nothing is copied as it grows and what a finished sequence held is at once
//! another's. Only this file knows where a position lies: attention asks for block after block.
//!
//! Within a block the keys lie transposed, `[D, BLOCK]`: a query is multiplied with all positions
//! of the block at once, element after element, and no sum crosses lanes. Values lie as they come,
//! `[BLOCK, D]`: their weighted sum runs along positions. Values are f32, so that a cached position
//! has the very bits that were computed.

use crate::error::InferError;

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
    blocks: Vec<usize>,
    len: usize,
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
    /// Allocated as they are first needed, then kept: fresh memory is dear.
    blocks: Vec<Box<[f32]>>,
    free: Vec<usize>,
    max_blocks: usize,
    sequences: Vec<Option<CachedSequence>>,
}

impl KvCache {
    /// A cache for `positions` positions in all, rounded up to whole blocks. Memory is taken as
    /// positions fill.
    pub fn new(shape: CacheShape, positions: usize) -> Self {
        KvCache {
            shape,
            blocks: Vec::new(),
            free: Vec::new(),
            max_blocks: positions.div_ceil(BLOCK),
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
        let slot = self.sequences.iter().position(Option::is_none);
        let slot = slot.unwrap_or_else(|| {
            self.sequences.push(None);
            self.sequences.len() - 1
        });
        self.sequences[slot] = Some(CachedSequence::default());
        SequenceId(slot)
    }

    /// Ends a sequence and frees its blocks.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn close(&mut self, sequence: SequenceId) {
        let closed = self.sequences[sequence.0].take().expect("the sequence is open");
        // The block freed last is the next to be used: it is the likeliest to be in a cache.
        self.free.extend(closed.blocks.into_iter().rev());
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
        let kept = cached.len.div_ceil(BLOCK);
        self.free.extend(cached.blocks.drain(kept..).rev());
    }

    /// Positions in blocks that no sequence owns.
    pub fn free_positions(&self) -> usize {
        (self.max_blocks - self.blocks.len() + self.free.len()) * BLOCK
    }

    /// How many positions `sequence` can still be given.
    ///
    /// # Panics
    ///
    /// If the sequence is not open.
    #[track_caller]
    pub fn room(&self, sequence: SequenceId) -> usize {
        let cached = self.sequence(sequence);
        cached.blocks.len() * BLOCK - cached.len + self.free_positions()
    }

    /// Blocks that `sequence` has to be given for `n` more positions.
    #[track_caller]
    pub(crate) fn new_blocks(&self, sequence: SequenceId, n: usize) -> usize {
        let cached = self.sequence(sequence);
        (cached.len + n).div_ceil(BLOCK).saturating_sub(cached.blocks.len())
    }

    /// # Errors
    ///
    /// [`InferError::ContextFull`] if fewer than `n` blocks are free.
    pub(crate) fn expect_free_blocks(&self, n: usize) -> Result<(), InferError> {
        let free = self.free_positions();
        if n * BLOCK <= free {
            return Ok(());
        }
        let used = self.max_blocks * BLOCK - free;
        Err(InferError::ContextFull { needed: used + n * BLOCK, context: self.max_blocks * BLOCK })
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
        for _ in 0..new {
            let block = self.take_block();
            self.sequences[sequence.0].as_mut().expect("the sequence is open").blocks.push(block);
        }
        Ok(())
    }

    fn take_block(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.blocks.push(vec![0.0; self.shape.block_elements()].into_boxed_slice());
            self.blocks.len() - 1
        })
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
        let block = self.sequence(sequence).blocks[position / BLOCK];
        let column = position % BLOCK;
        let (d, stride) = (shape.head_dim, shape.value_stride());
        assert_eq!((key.len(), value.len()), (shape.kv_heads * d, shape.kv_heads * d));
        for head in 0..shape.kv_heads {
            let start = (layer * shape.kv_heads + head) * shape.head_elements();
            let cell = &mut self.blocks[block][start..start + shape.head_elements()];
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
        let block = self.sequence(sequence).blocks[index];
        let start = (layer * self.shape.kv_heads + head) * self.shape.head_elements();
        self.blocks[block][start..start + self.shape.head_elements()]
            .split_at(self.shape.key_elements())
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
}
