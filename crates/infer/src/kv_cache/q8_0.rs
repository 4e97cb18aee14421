//! Keys and values as signed bytes, with a scale for each 32 of a head.

use fpbits::{f16_from_f32, f16_to_f32, f16_to_f32_slice};
use ulp_tensor::simd::{Kernel, run};

use super::cells::put_column;
use super::{BLOCK, CacheShape};
use crate::quant::round_q8_0;

/// Numbers that share a scale.
const GROUP: usize = 32;

/// The memory of a block.
#[derive(Debug)]
pub(super) struct ScaledBytes {
    /// As the numbers of other types lie.
    codes: Box<[i8]>,
    /// Of each cell `[D / 32, BLOCK]` for the keys, then `[BLOCK, D / 32]` for the values, as
    /// codes of binary16.
    scales: Box<[u16]>,
}

/// Groups of a head; the last one may have fewer than 32.
fn groups(shape: CacheShape) -> usize {
    shape.head_dim.div_ceil(GROUP)
}

/// Scales of a cell.
fn cell_scales(shape: CacheShape) -> usize {
    2 * BLOCK * groups(shape)
}

fn block_scales(shape: CacheShape) -> usize {
    shape.layers * shape.kv_heads * cell_scales(shape)
}

impl ScaledBytes {
    pub(super) fn new(shape: CacheShape) -> Self {
        ScaledBytes {
            codes: vec![0; shape.block_elements()].into_boxed_slice(),
            scales: vec![0; block_scales(shape)].into_boxed_slice(),
        }
    }

    pub(super) fn bytes(shape: CacheShape) -> usize {
        shape.block_elements() + size_of::<u16>() * block_scales(shape)
    }

    /// Of all cells, one after the other.
    pub(super) fn codes(&self) -> &[i8] {
        &self.codes
    }

    pub(super) fn copy_from(&mut self, other: &ScaledBytes) {
        self.codes.copy_from_slice(&other.codes);
        self.scales.copy_from_slice(&other.scales);
    }

    /// As [`Cells::write`](super::cells::Cells::write).
    pub(super) fn write(
        &mut self,
        shape: CacheShape,
        index: usize,
        column: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let (keys, values) = shape.cell_mut(&mut self.codes, index);
        let scales = cell_scales(shape);
        let scales = &mut self.scales[index * scales..][..scales];
        let (key_scales, value_scales) = scales.split_at_mut(BLOCK * groups(shape));
        run(Write {
            key,
            value,
            keys,
            values: &mut values[column * shape.value_stride()..][..shape.head_dim],
            key_scales,
            value_scales: &mut value_scales[column * groups(shape)..][..groups(shape)],
            column,
        });
    }

    /// Cell `index` in f32, `[D, BLOCK]` and `[BLOCK, D padded]`. The products are exact: 8 bits
    /// times 11.
    pub(super) fn widen(&self, shape: CacheShape, index: usize, wide: &mut [f32]) {
        let scales = cell_scales(shape);
        let scales = &self.scales[index * scales..][..scales];
        let (key_scales, value_scales) = scales.split_at(BLOCK * groups(shape));
        let (keys, values) = shape.cell(&self.codes, index);
        let (wide_keys, wide_values) = wide.split_at_mut(shape.key_elements());
        let (stride, groups) = (shape.value_stride(), groups(shape));
        run(WidenKeys { codes: keys, scales: key_scales, wide: wide_keys });
        run(WidenValues { codes: values, scales: value_scales, wide: wide_values, stride, groups });
    }
}

struct Write<'a> {
    /// `[D]`
    key: &'a [f32],
    value: &'a [f32],
    /// `[D, BLOCK]`
    keys: &'a mut [i8],
    /// `[D]`
    values: &'a mut [i8],
    /// `[D / 32, BLOCK]`
    key_scales: &'a mut [u16],
    /// `[D / 32]`
    value_scales: &'a mut [u16],
    column: usize,
}

impl Kernel for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let keys = self.keys.chunks_mut(GROUP * BLOCK);
        let scales = self.key_scales.chunks_exact_mut(BLOCK);
        for ((x, keys), scales) in self.key.chunks(GROUP).zip(keys).zip(scales) {
            let (scale, codes) = round_q8_0(x);
            put_column(keys, self.column, &codes[..x.len()]);
            scales[self.column] = f16_from_f32(scale);
        }
        let values = self.values.chunks_mut(GROUP);
        for ((x, values), out) in self.value.chunks(GROUP).zip(values).zip(self.value_scales) {
            let (scale, codes) = round_q8_0(x);
            values.copy_from_slice(&codes[..x.len()]);
            *out = f16_from_f32(scale);
        }
    }
}

struct WidenKeys<'a> {
    codes: &'a [i8],
    scales: &'a [u16],
    wide: &'a mut [f32],
}

impl Kernel for WidenKeys<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let codes = self.codes.chunks(GROUP * BLOCK);
        let wide = self.wide.chunks_mut(GROUP * BLOCK);
        for ((scales, codes), wide) in self.scales.chunks_exact(BLOCK).zip(codes).zip(wide) {
            let mut scale = [0.0f32; BLOCK];
            f16_to_f32_slice(scales, &mut scale);
            let rows = wide.chunks_exact_mut(BLOCK).zip(codes.chunks_exact(BLOCK));
            for (wide, codes) in rows {
                for ((wide, &code), &scale) in wide.iter_mut().zip(codes).zip(&scale) {
                    *wide = scale * f32::from(code);
                }
            }
        }
    }
}

struct WidenValues<'a> {
    codes: &'a [i8],
    scales: &'a [u16],
    wide: &'a mut [f32],
    stride: usize,
    groups: usize,
}

impl Kernel for WidenValues<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let rows = self.codes.chunks_exact(self.stride).zip(self.scales.chunks_exact(self.groups));
        for ((codes, scales), wide) in rows.zip(self.wide.chunks_exact_mut(self.stride)) {
            let groups = codes.chunks(GROUP).zip(wide.chunks_mut(GROUP));
            // The padding's codes are zero, whatever its scale.
            for ((codes, wide), &scale) in groups.zip(scales) {
                let scale = f16_to_f32(scale);
                for (wide, &code) in wide.iter_mut().zip(codes) {
                    *wide = scale * f32::from(code);
                }
            }
        }
    }
}
