//! Blocks that are held without a sequence.

use std::sync::Arc;

use super::block_pool::Block;

/// A hold on a block of the cache: its content stays while there is one.
#[derive(Debug, Clone)]
pub(crate) struct SharedBlock(pub(super) Arc<Block>);

impl SharedBlock {
    /// How many holds there are on it, those of sequences among them.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Whether this is not the only one.
    pub(crate) fn is_shared(&self) -> bool {
        self.holders() > 1
    }

    /// Which block of the cache it is, from 0.
    pub(crate) fn number(&self) -> usize {
        self.0.number()
    }
}
