//! Scales of parts of a block, unpacked a register at a time.

use super::panel::Lanes;
use super::tile::TILE;

/// A byte of four groups for each of 16 rows: what one register holds. A block's twelve or sixteen bytes
/// of scales cost a few operations this way, rather than a few for each group. It is stored to one line of memory:
/// what is loaded from a store to two waits until both are written.
#[repr(align(64))]
pub(super) struct Four([u8; 4 * TILE]);

impl Four {
    /// Group after group, as a tile's chunk has them.
    #[inline(always)]
    pub(super) fn new<L: Lanes>(lanes: L, words: L::Words) -> Self {
        let mut bytes = [0; 4 * TILE];
        lanes.store_bytes(words, &mut bytes);
        Four(bytes)
    }

    /// Group `index`'s, as numbers.
    #[inline(always)]
    pub(super) fn floats<L: Lanes>(&self, lanes: L, index: usize) -> L::Floats {
        lanes.floats(lanes.widen(&self.0.as_chunks().0[index]))
    }
}
