//! One activation row: a chunk is multiplied as it is unpacked.
//!
//! With many rows a chunk goes through a [`Panel`](super::super::panel::Panel), so that unpacking is
//! paid once. A single row would pay for storing and loading the panel and use it once; here the
//! integers are multiplied while they are in registers. The integer sums are exact and what follows
//! is [`Scheme`]'s order, so the bits are those of the panel.

use std::marker::PhantomData;

use super::super::panel::{BLOCKS, Packed, Row16, Scheme, Sink};
use super::super::quantized_rows::RowChunk;
use super::arch::{Arch, unpack};
use super::soon::Soon;

/// The sums, scales and minimums of a chunk's blocks, or of the halves of its blocks.
struct Direct<'a, A: Arch, S: Scheme> {
    x: &'a RowChunk,
    soon: Soon<'a>,
    // Apart from the rest: what is indexed lies in memory, and the rest is to stay in registers.
    sums: &'a mut [[A::Words; 2]; BLOCKS],
    scale: &'a mut [[A::Floats; 2]; BLOCKS],
    min: &'a mut [[A::Floats; 2]; BLOCKS],
    scheme: PhantomData<S>,
}

impl<A: Arch, S: Scheme> Sink<A> for Direct<'_, A, S> {
    #[inline(always)]
    fn set(&mut self, arch: A, block: usize, group: usize, q: A::Words) {
        let sum = &mut self.sums[block][if S::HALVES { group / 4 } else { 0 }];
        *sum = arch.dot::<S>(*sum, q, self.x.four(block, group));
    }

    #[inline(always)]
    fn set_scale(&mut self, arch: A, block: usize, half: usize, scale: A::Floats) {
        if half == 0 {
            self.soon.ask_share(arch, block);
        }
        self.scale[block][half] = scale;
    }

    #[inline(always)]
    fn set_min(&mut self, _arch: A, block: usize, half: usize, min: A::Floats) {
        self.min[block][half] = min;
    }
}

/// Adds the chunk of a tile in `bytes` times `x` to 16 outputs, as [`Scheme`] defines. Meanwhile it
/// asks for `soon`.
#[inline(always)]
pub(super) fn multiply<A: Arch, P: Packed>(
    arch: A,
    bytes: &[u8],
    x: &RowChunk,
    soon: Soon<'_>,
    out: &mut Row16,
) {
    let zero = arch.splat(0.0);
    let (mut scale, mut min) = ([[zero; 2]; BLOCKS], [[zero; 2]; BLOCKS]);
    let mut sums = [[arch.words(0); 2]; BLOCKS];
    if A::BIASED && !<P::Scheme as Scheme>::MINIMUM {
        for (block, sums) in sums.iter_mut().enumerate() {
            if <P::Scheme as Scheme>::HALVES {
                let [first, second] = x.half_bias[block];
                *sums = [arch.words(first), arch.words(second)];
            } else {
                sums[0] = arch.words(x.bias[block]);
            }
        }
    }
    let mut direct = Direct::<A, P::Scheme> {
        x,
        soon,
        sums: &mut sums,
        scale: &mut scale,
        min: &mut min,
        scheme: PhantomData,
    };
    let blocks = unpack::<A, P>(arch, bytes, &mut direct);
    let mut c = arch.row(out);
    for block in 0..blocks {
        c = direct.add_block(arch, block, c);
    }
    arch.store_row(c, out);
}

impl<A: Arch, S: Scheme> Direct<'_, A, S> {
    /// `c` and the product of a block.
    #[inline(always)]
    fn add_block(&self, arch: A, block: usize, c: A::Floats) -> A::Floats {
        let ([first, second], scale) = (self.sums[block], self.scale[block]);
        let mut product = arch.times(arch.floats(first), scale[0]);
        if S::HALVES {
            product = arch.fma(arch.floats(second), scale[1], product);
        }
        let mut c = arch.fma(product, arch.splat(self.x.scale[block]), c);
        if S::MINIMUM {
            let (min, halves) = (self.min[block], self.x.half_sum[block]);
            if S::HALVES {
                c = arch.fma(min[0], arch.splat(halves[0]), c);
                c = arch.fma(min[1], arch.splat(halves[1]), c);
            } else {
                c = arch.fma(min[0], arch.splat(self.x.sum[block]), c);
            }
        }
        c
    }
}
