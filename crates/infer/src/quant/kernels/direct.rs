//! Few activation rows: a chunk is multiplied as it is unpacked.
//!
//! With many rows a chunk goes through a [`Panel`](super::super::panel::Panel), so that unpacking is
//! paid once. A single row would pay for storing and loading the panel and use it once; here the
//! integers are multiplied while they are in registers. The integer sums are exact and what follows
//! is [`Scheme`]'s order, so the bits are those of the panel.

use std::marker::PhantomData;

use super::super::panel::{Packed, Row16, Scheme, Sink, moved};
use super::super::quantized_rows::RowChunk;
use super::arch::{Arch, unpack};
use super::soon::Soon;

/// The scheme in which the integers of a format are multiplied.
type Single<A, P> = <A as Arch>::Single<<P as Packed>::Scheme>;

/// The blocks that are being multiplied, [`Packed::SIDE_BY_SIDE`], and what the blocks before gave, for `N`
/// rows. Each half of a block has a sum of its own, whether it has a scale of its own or not: a sum waits for
/// the one before.
struct Direct<'a, A: Arch, P, const N: usize> {
    x: &'a [RowChunk; N],
    soon: Soon<'a>,
    sums: [[A::Sums; N]; 2],
    scale: [[A::Floats; 2]; 2],
    min: [[A::Floats; 2]; 2],
    c: [A::Floats; N],
    format: PhantomData<P>,
}

impl<A: Arch, P: Packed, const N: usize> Sink<A> for Direct<'_, A, P, N> {
    const CROWDED: bool = A::REGISTERS * N > 2;

    #[inline(always)]
    fn begin(&mut self, arch: A, first: usize) {
        for slot in 0..P::SIDE_BY_SIDE {
            self.soon.ask_share(arch, first + slot);
            for n in 0..N {
                self.sums[slot][n] = arch.begin(self.bias(first + slot, n));
            }
        }
    }

    #[inline(always)]
    fn set(&mut self, arch: A, block: usize, group: usize, q: A::Words) {
        let q = moved::<A, P::Scheme, Single<A, P>>(arch, q);
        for n in 0..N {
            let x = self.x[n].four(block, group);
            arch.dot::<Single<A, P>>(&mut self.sums[block % P::SIDE_BY_SIDE][n], group, q, x);
        }
    }

    #[inline(always)]
    fn set_scale(&mut self, _arch: A, block: usize, half: usize, scale: A::Floats) {
        self.scale[block % P::SIDE_BY_SIDE][half] = scale;
    }

    #[inline(always)]
    fn set_min(&mut self, _arch: A, block: usize, half: usize, min: A::Floats) {
        self.min[block % P::SIDE_BY_SIDE][half] = min;
    }

    #[inline(always)]
    fn end(&mut self, arch: A, block: usize) {
        for n in 0..N {
            self.add_block(arch, block, n);
        }
    }
}

/// Adds chunk `index` of a tile times `x` to `N` times 16 outputs, as [`Scheme`] defines. Meanwhile it
/// asks for `soon`.
#[inline(always)]
pub(super) fn multiply<A: Arch, P: Packed, const N: usize>(
    arch: A,
    tile: &[u8],
    index: usize,
    x: &[RowChunk; N],
    soon: Soon<'_>,
    out: &mut [Row16; N],
) {
    let (sums, zero) = ([[arch.begin([0; 2]); N]; 2], arch.splat(0.0));
    let mut c = [zero; N];
    for (c, out) in c.iter_mut().zip(&*out) {
        *c = arch.row(out);
    }
    let (scale, min) = ([[zero; 2]; 2], [[zero; 2]; 2]);
    let mut direct = Direct::<A, P, N> { x, soon, sums, scale, min, c, format: PhantomData };
    unpack::<A, P>(arch, tile, index, &mut direct);
    for (c, out) in direct.c.into_iter().zip(out) {
        arch.store_row(c, out);
    }
}

impl<A: Arch, P: Packed, const N: usize> Direct<'_, A, P, N> {
    /// What takes off again what was added to the integers of a block, of each half or of both.
    #[inline(always)]
    fn bias(&self, block: usize, n: usize) -> [i32; 2] {
        // Activations know their sums times -128.
        let zero = i32::from(Single::<A, P>::ZERO);
        if P::Scheme::HALVES {
            self.x[n].half_bias[block].map(|bias| (bias >> 7) * zero)
        } else {
            [(self.x[n].bias[block] >> 7) * zero, 0]
        }
    }

    /// Adds the product of a block to the sum of row `n`.
    #[inline(always)]
    fn add_block(&mut self, arch: A, block: usize, n: usize) {
        let slot = block % P::SIDE_BY_SIDE;
        let (sums, scale, min) = (self.sums[slot][n], self.scale[slot], self.min[slot]);
        let product = if P::Scheme::HALVES {
            let [first, second] = arch.halves::<Single<A, P>>(sums);
            let product = arch.times(arch.floats(first), scale[0]);
            arch.fma(arch.floats(second), scale[1], product)
        } else {
            let sum = arch.whole::<Single<A, P>>(sums);
            arch.times(arch.floats(sum), scale[0])
        };
        let (x, mut c) = (&self.x[n], self.c[n]);
        c = arch.fma(product, arch.splat(x.scale[block]), c);
        if P::Scheme::MINIMUM {
            let halves = x.half_sum[block];
            if P::Scheme::HALVES {
                c = arch.fma(min[0], arch.splat(halves[0]), c);
                c = arch.fma(min[1], arch.splat(halves[1]), c);
            } else {
                c = arch.fma(min[0], arch.splat(x.sum[block]), c);
            }
        }
        self.c[n] = c;
    }
}
