//! Weights that are asked for before they are needed.

use super::super::panel::{BLOCKS, Lanes};
use super::super::tile::{Layout, TILE};
use super::Tiles;

/// The chunk that will be needed soon. The processor's own prefetching ends at each page, and stops while
/// a chunk is multiplied.
#[derive(Clone, Copy)]
pub(super) struct Soon<'a> {
    /// A chunk that is as long,
    bytes: &'a [u8],
    /// and so many bytes before it.
    ahead: usize,
}

impl<'a> Soon<'a> {
    /// Nothing.
    pub(super) const NONE: Soon<'static> = Soon { bytes: &[], ahead: 0 };

    /// The chunk that lies `chunks_ahead` behind chunk `index` of a tile, which `bytes` hold. Behind a
    /// tile's last chunk comes the first of the tile that takes its place, beyond all those that are
    /// multiplied together.
    #[inline(always)]
    pub(super) fn after(
        chunks_ahead: usize,
        tiles: Tiles<'_>,
        layout: &Layout,
        index: usize,
        bytes: &'a [u8],
    ) -> Self {
        let chunk = TILE * layout.chunk_bytes();
        let (chunks, later) = (tiles.chunks(layout), index + chunks_ahead);
        let ahead = match later.checked_sub(chunks) {
            None => chunks_ahead * chunk,
            Some(next) => tiles.bytes.len() + next * chunk - index * chunk,
        };
        Soon { bytes, ahead }
    }

    /// Asks for all of it.
    #[inline(always)]
    pub(super) fn ask(self, lanes: impl Lanes) {
        lanes.prefetch(self.bytes, self.ahead);
    }

    /// Asks for one block's share. All at once would wait for memory with nothing to do.
    #[inline(always)]
    pub(super) fn ask_share(self, lanes: impl Lanes, block: usize) {
        let share = self.bytes.len() / BLOCKS;
        lanes.prefetch(&self.bytes[block * share..][..share], self.ahead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{panel::Packed, q8_0};

    #[test]
    fn behind_the_last_chunk_come_the_next_tiles() {
        // Two groups of two tiles, of three chunks each.
        let layout = &<q8_0::Tiled as Packed>::LAYOUT;
        let chunk = TILE * layout.chunk_bytes();
        let bytes = vec![0; 2 * 2 * 3 * chunk];
        let tiles = Tiles { bytes: &bytes[..2 * 3 * chunk], tile_bytes: 3 * chunk };
        for (tile, index, expected) in
            [(0, 0, 2), (1, 0, 3 + 2), (0, 1, 6), (0, 2, 7), (1, 1, 9), (1, 2, 10)]
        {
            let at = (3 * tile + index) * chunk;
            let soon = Soon::after(2, tiles, layout, index, &bytes[at..][..chunk]);
            assert_eq!(at + soon.ahead, expected * chunk, "tile {tile}, chunk {index}");
        }
    }
}
