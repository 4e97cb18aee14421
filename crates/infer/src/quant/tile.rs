//! Rows repacked for the kernels: tiles of 16 rows, interleaved.
//!
//! A kernel computes 16 outputs at once, one a lane. It wants the same bytes of 16 rows side by
//! side, so that a whole register is filled by one load and no lane ever meets another. A tile
//! holds 16 rows. It goes along them in chunks of 256 elements. A chunk holds its blocks two by two (or
//! four by four: [`Layout::blocks_together`]), these field after field (their scales, then their integers, ...), a
//! field block after block, a block unit after unit, and a unit is the 16 rows' bytes that stay together. A
//! tile is a permutation of the stored bytes, no byte more (but for the padding of the last tile to 16 rows).
//!
//! The order is that in which a kernel reads, line of memory after line, each line whole: processors
//! foresee that, and some little else. With the fields of a whole chunk one behind the other, or with
//! lines that began in the middle of lines of memory, weights came from it at a third of the speed
//! (docs/benchmarks.md). So parts that are read side by side lie in turn ([`in_turn`]), and where a chunk
//! ends in the middle of a line, two chunks have their scales together, before the integers of both
//! ([`Layout::header`]).
//!
//! Numbers without blocks count as blocks of one element. Two of their chunks lie together, an element
//! of the first beside one of the second: each chunk has a sum of its own, and so two are on their way.

use super::tensor_type::TensorType;

/// Rows of a tile: the f32 lanes of the widest register in use (512 bits).
pub(crate) const TILE: usize = 16;
/// Bytes of a line of memory.
pub(crate) const LINE: usize = 64;
/// Elements of a row that a kernel takes at once; also the block of f32 products along K.
pub(crate) const CHUNK: usize = 256;

/// A part of a block whose units are interleaved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Where it starts in a block.
    pub(crate) at: usize,
    /// Its bytes.
    pub(crate) bytes: usize,
    /// Bytes that stay together: the four bytes that a kernel multiplies with four activations, or
    /// one number.
    pub(crate) unit: usize,
    /// Where others of as many bytes start that lie between its units, one of each in turn.
    pub(crate) and: &'static [usize],
}

/// A field in short.
pub(crate) const fn field(at: usize, bytes: usize, unit: usize) -> Field {
    Field { at, bytes, unit, and: &[] }
}

/// Parts that a kernel reads side by side, unit after unit in turn.
pub(crate) const fn in_turn(parts: &'static [usize], bytes: usize, unit: usize) -> Field {
    let (&at, and) = parts.split_first().expect("a field has a part");
    Field { at, bytes, unit, and }
}

impl Field {
    /// Where in a block the bytes start that lie together in a tile, and how many they are.
    fn parts(self) -> impl Iterator<Item = (usize, usize)> {
        let bytes = if self.and.is_empty() { self.bytes } else { self.unit };
        (0..self.bytes).step_by(bytes).flat_map(move |at| {
            let and = self.and.iter().map(move |and| (and + at, bytes));
            std::iter::once((self.at + at, bytes)).chain(and)
        })
    }
}

/// How the tiles of a format are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// The format.
    pub(crate) ty: TensorType,
    /// The parts of a block, which together are all of it, in the order in which a kernel reads them.
    pub(crate) fields: &'static [Field],
}

/// A part of one block, in chunks that lie together.
struct Span {
    /// Bytes that stay together.
    unit: usize,
    /// Its bytes in the stored chunks of a row.
    at: std::ops::Range<usize>,
    /// Where the 16 rows' bytes begin in those of the tile.
    slot: usize,
}

impl Layout {
    /// Writes the tile of up to 16 stored rows; lanes without a row stay as they are.
    pub(crate) fn pack(&self, rows: &[&[u8]], tile: &mut [u8]) {
        let group = self.together() * self.chunk_bytes();
        for (index, tile) in tile.chunks_mut(TILE * group).enumerate() {
            let first = index * group;
            for span in self.spans(tile.len() / TILE) {
                let out = &mut tile[span.slot..][..TILE * span.at.len()];
                let at = first + span.at.start;
                match span.unit {
                    1 => interleave::<1>(rows, at, out),
                    2 => interleave::<2>(rows, at, out),
                    4 => interleave::<4>(rows, at, out),
                    unit => unreachable!("no field has units of {unit} bytes"),
                }
            }
        }
    }

    /// Gathers the stored bytes of row `row` of a tile: the inverse of [`Layout::pack`].
    pub(crate) fn unpack_row(&self, tile: &[u8], row: usize, out: &mut [u8]) {
        let group = self.together() * self.chunk_bytes();
        for (tile, out) in tile.chunks(TILE * group).zip(out.chunks_mut(group)) {
            for span in self.spans(out.len()) {
                let units = tile[span.slot + row * span.unit..].chunks(TILE * span.unit);
                for (out, unit) in out[span.at].chunks_exact_mut(span.unit).zip(units) {
                    out.copy_from_slice(&unit[..span.unit]);
                }
            }
        }
    }

    /// Stored bytes of a row's chunk.
    pub(crate) const fn chunk_bytes(&self) -> usize {
        CHUNK / self.ty.block_elements() * self.ty.block_bytes()
    }

    /// Chunks that lie together.
    pub(crate) const fn together(&self) -> usize {
        if self.ty.block_elements() == 1 || self.header() > 0 { 2 } else { 1 }
    }

    /// Bytes of a block before its integers, where two chunks have theirs together: where the chunks of a
    /// tile do not end with a line of memory. 0 where they do.
    pub(crate) const fn header(&self) -> usize {
        let block_bytes = self.ty.block_bytes();
        let (mut before, mut index) = (0, 0);
        while index < self.fields.len() {
            if self.fields[index].unit < 4 {
                before += self.fields[index].bytes;
            }
            index += 1;
        }
        let whole_lines = (TILE * block_bytes).is_multiple_of(LINE);
        if self.ty.block_elements() == CHUNK && !whole_lines && before < block_bytes {
            before
        } else {
            0
        }
    }

    /// Blocks whose fields lie together: as many as have a whole line of each.
    pub(crate) const fn blocks_together(&self) -> usize {
        let (mut blocks, mut index) = (2, 0);
        while index < self.fields.len() {
            if TILE * blocks * self.fields[index].bytes < LINE {
                blocks = LINE / (TILE * self.fields[index].bytes);
            }
            index += 1;
        }
        blocks
    }

    /// How far such blocks are from each other.
    fn apart(&self) -> usize {
        if self.ty.block_elements() == 1 { CHUNK } else { 1 }
    }

    /// The spans of `bytes` bytes of a row, those of chunks that lie together, in the order of the tile.
    fn spans(&self, bytes: usize) -> impl Iterator<Item = Span> {
        let mut slot = 0;
        let (block_bytes, apart) = (self.ty.block_bytes(), self.apart());
        let (blocks, of_group) = (bytes / block_bytes, self.blocks_together());
        let firsts = (0..blocks).filter(move |block| block / apart % of_group == 0);
        // They go field after field; with headers these go together, and so does what is behind them.
        let headers = self.header() > 0;
        let with = move |a: &Field, b: &Field| headers && (a.unit < 4) == (b.unit < 4);
        firsts
            .flat_map(move |first| self.fields.chunk_by(with).map(move |part| (first, part)))
            .flat_map(move |(first, part)| {
                let together = (0..of_group).map(move |i| first + i * apart);
                let together = together.filter(move |&block| block < blocks);
                together.flat_map(move |block| part.iter().map(move |field| (block, field)))
            })
            .flat_map(|(block, field)| field.parts().map(move |part| (block, field.unit, part)))
            .map(move |(block, unit, (at, bytes))| {
                let at = block * block_bytes + at;
                let span = Span { unit, at: at..at + bytes, slot };
                slot += TILE * bytes;
                span
            })
    }
}

/// Writes units in the order of the tile; those of a row begin at `at`.
fn interleave<const UNIT: usize>(rows: &[&[u8]], at: usize, out: &mut [u8]) {
    for (index, line) in out.as_chunks_mut::<UNIT>().0.chunks_exact_mut(TILE).enumerate() {
        let at = at + index * UNIT;
        for (slot, row) in line.iter_mut().zip(rows) {
            slot.copy_from_slice(&row[at..at + UNIT]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::format::FORMATS;

    /// What a kernel loads as a whole line of memory is one, in rows that are not cut off.
    #[test]
    fn integers_are_whole_lines() {
        for layout in FORMATS.iter().map(|format| format.layout) {
            let bytes = layout.together() * layout.chunk_bytes();
            let integers = layout.spans(bytes).filter(|span| span.unit == 4);
            let broken = integers.filter(|span| span.slot % LINE != 0).count();
            assert_eq!(broken, 0, "{}", layout.ty);
        }
    }
}
