//! Rows repacked for the kernels: tiles of 16 rows, interleaved.
//!
//! A kernel computes 16 outputs at once, one a lane. It wants the same bytes of 16 rows side by
//! side, so that a whole register is filled by one load and no lane ever meets another. A tile
//! holds 16 rows. It goes along them in chunks of 256 elements; a chunk holds field after field
//! (the scales of all its blocks, then their integers, ...), a field block after block, a block
//! unit after unit, and a unit is the 16 rows' bytes that stay together. A tile is a permutation of
//! the stored bytes, no byte more (but for the padding of the last tile to 16 rows).

use super::tensor_type::TensorType;

/// Rows of a tile: the f32 lanes of the widest register in use (512 bits).
pub(crate) const TILE: usize = 16;
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
}

/// A field in short.
pub(crate) const fn field(at: usize, bytes: usize, unit: usize) -> Field {
    Field { at, bytes, unit }
}

/// How the tiles of a format are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// The format.
    pub(crate) ty: TensorType,
    /// The parts of a block, which together are all of it.
    pub(crate) fields: &'static [Field],
}

/// A field of one block, in a chunk.
struct Span {
    /// Bytes that stay together.
    unit: usize,
    /// Its bytes in the stored chunk of a row.
    at: std::ops::Range<usize>,
    /// Where the 16 rows' bytes begin in the tile's chunk.
    slot: usize,
}

impl Layout {
    /// Writes the tile of up to 16 stored rows; lanes without a row stay as they are.
    pub(crate) fn pack(&self, rows: &[&[u8]], tile: &mut [u8]) {
        let chunk_bytes = self.chunk_bytes();
        for (index, tile) in tile.chunks_mut(TILE * chunk_bytes).enumerate() {
            let first = index * chunk_bytes;
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
        let chunk_bytes = self.chunk_bytes();
        for (tile, out) in tile.chunks(TILE * chunk_bytes).zip(out.chunks_mut(chunk_bytes)) {
            for span in self.spans(out.len()) {
                let units = tile[span.slot + row * span.unit..].chunks(TILE * span.unit);
                for (out, unit) in out[span.at].chunks_exact_mut(span.unit).zip(units) {
                    out.copy_from_slice(&unit[..span.unit]);
                }
            }
        }
    }

    /// Stored bytes of a row's chunk.
    pub(crate) fn chunk_bytes(&self) -> usize {
        CHUNK / self.ty.block_elements() * self.ty.block_bytes()
    }

    /// The spans of a row's chunk of `bytes` bytes, in the order of the tile.
    fn spans(&self, bytes: usize) -> impl Iterator<Item = Span> {
        let mut slot = 0;
        let block_bytes = self.ty.block_bytes();
        self.fields
            .iter()
            .flat_map(move |field| {
                (0..bytes).step_by(block_bytes).map(move |block| (field, block + field.at))
            })
            .map(move |(field, at)| {
                let span = Span { unit: field.unit, at: at..at + field.bytes, slot };
                slot += TILE * field.bytes;
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
