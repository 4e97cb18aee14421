//! Weights that are asked for before they are needed.

use super::super::panel::{BLOCKS, Lanes};
use super::super::tile::{LINE, Layout, TILE};
use super::Tiles;
use super::reading::{Ahead, Cache};

/// The chunk that will be needed soon. The processor's own prefetching ends at each page, and stops while
/// a chunk is multiplied.
#[derive(Clone, Copy)]
pub(super) struct Soon<'a> {
    /// A chunk that is as long,
    bytes: &'a [u8],
    /// and so many bytes before it.
    ahead: usize,
    /// Where it is to lie.
    cache: Cache,
}

impl<'a> Soon<'a> {
    /// Nothing.
    pub(super) const NONE: Soon<'static> = Soon { bytes: &[], ahead: 0, cache: Cache::First };

    /// The chunk that lies so far `ahead` of chunk `index` of a tile, which `bytes` hold. Behind a
    /// tile's last chunk comes the first of the tile that takes its place, beyond all those that are
    /// multiplied together.
    #[inline(always)]
    pub(super) fn after(
        ahead: Ahead,
        tiles: Tiles<'_>,
        layout: &Layout,
        index: usize,
        bytes: &'a [u8],
    ) -> Self {
        let chunk = TILE * layout.chunk_bytes();
        let (chunks, later) = (tiles.chunks(layout), index + ahead.chunks);
        let bytes_ahead = match later.checked_sub(chunks) {
            None => ahead.chunks * chunk,
            Some(next) => tiles.bytes.len() + next * chunk - index * chunk,
        };
        Soon { bytes, ahead: bytes_ahead, cache: ahead.cache }
    }

    /// Is there nothing to ask for?
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    #[inline(always)]
    pub(super) fn is_none(self) -> bool {
        self.bytes.is_empty()
    }

    /// Asks for all of it.
    #[inline(always)]
    pub(super) fn ask(self, lanes: impl Lanes) {
        lanes.prefetch(self.bytes, self.ahead, self.cache);
    }

    /// Asks for line `index` of memory, if it has one.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    #[inline(always)]
    pub(super) fn ask_nth(self, lanes: impl Lanes, index: usize) {
        if let Some(line) = self.bytes.get(index * LINE..) {
            lanes.prefetch(&line[..line.len().min(1)], self.ahead, self.cache);
        }
    }

    /// Asks for one block's share. All at once would wait for memory with nothing to do.
    #[inline(always)]
    pub(super) fn ask_share(self, lanes: impl Lanes, block: usize) {
        let share = self.bytes.len() / BLOCKS;
        lanes.prefetch(&self.bytes[block * share..][..share], self.ahead, self.cache);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::kernels::reading::Reading;
    use crate::quant::{panel::Packed, q8_0};

    #[test]
    fn behind_the_last_chunk_come_the_next_tiles() {
        // Two groups of two tiles, of three chunks each.
        let layout = &<q8_0::Tiled as Packed>::LAYOUT;
        let chunk = TILE * layout.chunk_bytes();
        let bytes = vec![0; 2 * 2 * 3 * chunk];
        let tiles = Tiles {
            bytes: &bytes[..2 * 3 * chunk],
            tile_bytes: 3 * chunk,
            reading: Reading::SideBySide,
        };
        for (tile, index, expected) in
            [(0, 0, 2), (1, 0, 3 + 2), (0, 1, 6), (0, 2, 7), (1, 1, 9), (1, 2, 10)]
        {
            let at = (3 * tile + index) * chunk;
            let soon =
                Soon::after(tiles.reading.ahead(2), tiles, layout, index, &bytes[at..][..chunk]);
            assert_eq!(at + soon.ahead, expected * chunk, "tile {tile}, chunk {index}");
        }
    }
}
