//! One activation row: a chunk is multiplied as it is unpacked.
//!
//! With many rows a chunk goes through a [`Panel`](super::super::panel::Panel), so that unpacking is
//! paid once. A single row would pay for storing and loading the panel and use it once; here the
//! integers are multiplied while they are in registers. The integer sums are exact and what follows
//! is [`Scheme`]'s order, so the bits are those of the panel.

use std::marker::PhantomData;

use super::super::panel::{GROUPS, Packed, Row16, Scheme, Sink, moved};
use super::super::quantized_rows::RowChunk;
use super::arch::{Arch, unpack};
use super::soon::Soon;

/// The scheme in which the integers of a format are multiplied.
type Single<A, P> = <A as Arch>::Single<<P as Packed>::Scheme>;

/// The block that is being multiplied and what the blocks before gave. Each half of a block has a sum of
/// its own, whether it has a scale of its own or not: a sum waits for the one before.
struct Direct<'a, A: Arch, P> {
    x: &'a RowChunk,
    soon: Soon<'a>,
    sums: A::Sums,
    scale: [A::Floats; 2],
    min: [A::Floats; 2],
    c: A::Floats,
    format: PhantomData<P>,
}

impl<A: Arch, P: Packed> Sink<A> for Direct<'_, A, P> {
    #[inline(always)]
    fn set(&mut self, arch: A, block: usize, group: usize, q: A::Words) {
        let (q, x) = (moved::<A, P::Scheme, Single<A, P>>(arch, q), self.x.four(block, group));
        arch.dot::<Single<A, P>>(&mut self.sums, group, q, x);
        if group == GROUPS - 1 {
            self.add_block(arch, block);
        }
    }

    #[inline(always)]
    fn set_scale(&mut self, arch: A, block: usize, half: usize, scale: A::Floats) {
        if half == 0 {
            self.soon.ask_share(arch, block);
            self.sums = arch.begin(self.bias(block));
        }
        self.scale[half] = scale;
    }

    #[inline(always)]
    fn set_min(&mut self, _arch: A, _block: usize, half: usize, min: A::Floats) {
        self.min[half] = min;
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
    let (sums, zero, c) = (arch.begin([0; 2]), arch.splat(0.0), arch.row(out));
    let (scale, min) = ([zero; 2], [zero; 2]);
    let mut direct = Direct::<A, P> { x, soon, sums, scale, min, c, format: PhantomData };
    unpack::<A, P>(arch, bytes, &mut direct);
    arch.store_row(direct.c, out);
}

impl<A: Arch, P: Packed> Direct<'_, A, P> {
    /// What takes off again what was added to the integers of a block, of each half or of both.
    #[inline(always)]
    fn bias(&self, block: usize) -> [i32; 2] {
        // Activations know their sums times -128.
        let zero = i32::from(Single::<A, P>::ZERO);
        if P::Scheme::HALVES {
            self.x.half_bias[block].map(|bias| (bias >> 7) * zero)
        } else {
            [(self.x.bias[block] >> 7) * zero, 0]
        }
    }

    /// Adds the product of a block to `c`.
    #[inline(always)]
    fn add_block(&mut self, arch: A, block: usize) {
        let product = if P::Scheme::HALVES {
            let [first, second] = arch.halves::<Single<A, P>>(self.sums);
            let product = arch.times(arch.floats(first), self.scale[0]);
            arch.fma(arch.floats(second), self.scale[1], product)
        } else {
            let sum = arch.whole::<Single<A, P>>(self.sums);
            arch.times(arch.floats(sum), self.scale[0])
        };
        self.c = arch.fma(product, arch.splat(self.x.scale[block]), self.c);
        if P::Scheme::MINIMUM {
            let halves = self.x.half_sum[block];
            if P::Scheme::HALVES {
                self.c = arch.fma(self.min[0], arch.splat(halves[0]), self.c);
                self.c = arch.fma(self.min[1], arch.splat(halves[1]), self.c);
            } else {
                self.c = arch.fma(self.min[0], arch.splat(self.x.sum[block]), self.c);
            }
        }
    }
}
