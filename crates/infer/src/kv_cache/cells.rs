//! The numbers of a block in the type that the cache stores.
//!
//! A block has a cell for each layer and head: keys `[D, BLOCK]`, then values `[BLOCK, D padded]`,
//! in every type at the same places. Scales, where a type has any, lie beside.

use std::ops::Range;

use fpbits::{f16_from_f32_slice, f16_to_f32_slice};

use super::q8_0::ScaledBytes;
use super::{BLOCK, CacheShape, CacheType};

/// The memory of a block.
#[derive(Debug)]
pub(super) enum Cells {
    F32(Box<[f32]>),
    /// Codes of binary16.
    F16(Box<[u16]>),
    Q8_0(ScaledBytes),
}

/// A cell of a block that is not stored in f32, widened: kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct WideCell(Vec<f32>);

impl WideCell {
    /// Memory for `len` numbers of no particular value.
    pub(super) fn sized(&mut self, len: usize) -> &mut [f32] {
        self.0.resize(len, 0.0);
        &mut self.0
    }
}

impl Cells {
    /// Zeros.
    pub(super) fn new(shape: CacheShape, ty: CacheType) -> Self {
        let len = shape.block_elements();
        match ty {
            CacheType::F32 => Cells::F32(vec![0.0; len].into_boxed_slice()),
            CacheType::F16 => Cells::F16(vec![0; len].into_boxed_slice()),
            CacheType::Q8_0 => Cells::Q8_0(ScaledBytes::new(shape)),
        }
    }

    /// Bytes of a block.
    pub(super) fn bytes(shape: CacheShape, ty: CacheType) -> usize {
        let len = shape.block_elements();
        match ty {
            CacheType::F32 => len * size_of::<f32>(),
            CacheType::F16 => len * size_of::<u16>(),
            CacheType::Q8_0 => ScaledBytes::bytes(shape),
        }
    }

    /// Becomes a copy of another block of the same cache.
    pub(super) fn copy_from(&mut self, other: &Cells) {
        match (self, other) {
            (Cells::F32(to), Cells::F32(from)) => to.copy_from_slice(from),
            (Cells::F16(to), Cells::F16(from)) => to.copy_from_slice(from),
            (Cells::Q8_0(to), Cells::Q8_0(from)) => to.copy_from(from),
            _ => unreachable!("a cache has one type"),
        }
    }

    /// Stores a key and a value, `[D]` each, at position `column` of cell `index`.
    pub(super) fn write(
        &mut self,
        shape: CacheShape,
        index: usize,
        column: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let row = column * shape.value_stride()..column * shape.value_stride() + shape.head_dim;
        match self {
            Cells::F32(numbers) => {
                let (keys, values) = shape.cell_mut(numbers, index);
                put_column(keys, column, key);
                values[row].copy_from_slice(value);
            }
            Cells::F16(codes) => {
                let (keys, values) = shape.cell_mut(codes, index);
                let mut rounded = [0; BLOCK];
                for (key, keys) in key.chunks(BLOCK).zip(keys.chunks_mut(BLOCK * BLOCK)) {
                    let rounded = &mut rounded[..key.len()];
                    f16_from_f32_slice(key, rounded);
                    put_column(keys, column, rounded);
                }
                f16_from_f32_slice(value, &mut values[row]);
            }
            Cells::Q8_0(bytes) => bytes.write(shape, index, column, key, value),
        }
    }

    /// Where the numbers of cell `index` lie.
    pub(super) fn addresses(&self, shape: CacheShape, index: usize) -> Range<*const u8> {
        fn of<T>(cell: &[T]) -> Range<*const u8> {
            let Range { start, end } = cell.as_ptr_range();
            start.cast()..end.cast()
        }
        let cell = index * shape.cell_elements()..(index + 1) * shape.cell_elements();
        match self {
            Cells::F32(numbers) => of(&numbers[cell]),
            Cells::F16(codes) => of(&codes[cell]),
            Cells::Q8_0(bytes) => of(&bytes.codes()[cell]),
        }
    }

    /// The keys and values of cell `index` in f32: where they lie, or widened into `wide`.
    pub(super) fn read<'a>(
        &'a self,
        shape: CacheShape,
        index: usize,
        wide: &'a mut WideCell,
    ) -> (&'a [f32], &'a [f32]) {
        let cell = index * shape.cell_elements()..(index + 1) * shape.cell_elements();
        let numbers = match self {
            Cells::F32(numbers) => &numbers[cell],
            Cells::F16(codes) => {
                let wide = wide.sized(cell.len());
                f16_to_f32_slice(&codes[cell], wide);
                wide
            }
            Cells::Q8_0(bytes) => {
                let wide = wide.sized(cell.len());
                bytes.widen(shape, index, wide);
                wide
            }
        };
        numbers.split_at(shape.key_elements())
    }
}

/// Stores a position's numbers, one in each row `[_, BLOCK]`.
pub(super) fn put_column<T: Copy>(rows: &mut [T], column: usize, numbers: &[T]) {
    for (row, &x) in rows.chunks_exact_mut(BLOCK).zip(numbers) {
        row[column] = x;
    }
}
