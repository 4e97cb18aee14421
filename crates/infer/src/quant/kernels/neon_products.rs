//! The inner loops with 128-bit registers (NEON), with and without the dot product of bytes.
//!
//! Both operands of a product of bytes are signed here. Bytes stored with 128 added lose it first (an
//! exclusive or), and the bias that unsigned products need is left out.

use std::arch::aarch64::*;
use std::arch::asm;
use std::hint::black_box;

use super::super::panel::{GROUPS, Lanes, Line, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::arch::{Arch, SPINS};
use super::neon::{Neon, Words, each};
use super::soon::Soon;

impl<const DOT: bool> Arch for Neon<DOT> {
    const ROWS: usize = 4;
    const FLOAT_ROWS: usize = 6;
    const DIRECT: usize = 1;
    type Panels<S: Scheme> = S::Any;
    type Single<S: Scheme> = S::Any;
    type Sums = [Words; 2];

    #[inline(always)]
    fn begin(self, _bias: [i32; 2]) -> Self::Sums {
        // SAFETY: `self` proves the instructions.
        unsafe { [[vdupq_n_u8(0); 4]; 2] }
    }

    #[inline(always)]
    fn dot<S: Scheme>(self, sums: &mut Self::Sums, group: usize, w: Words, x: i32) {
        let sum = &mut sums[group / (GROUPS / 2)];
        // SAFETY: `self` proves the instructions.
        unsafe {
            let x = vreinterpretq_s8_s32(vdupq_n_s32(x));
            *sum = each!(I => {
                let sum = vreinterpretq_s32_u8(sum[I]);
                vreinterpretq_u8_s32(self.dot_lane::<0>(sum, integers::<S>(w[I]), x))
            });
        }
    }

    #[inline(always)]
    fn halves<S: Scheme>(self, sums: Self::Sums) -> [Words; 2] {
        sums
    }

    #[inline(always)]
    fn whole<S: Scheme>(self, [a, b]: Self::Sums) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            each!(I => {
                let [a, b] = [vreinterpretq_s32_u8(a[I]), vreinterpretq_s32_u8(b[I])];
                vreinterpretq_u8_s32(vaddq_s32(a, b))
            })
        }
    }

    #[inline(always)]
    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        soon: Soon<'_>,
        out: &mut [Row16; N],
    ) {
        for (half, soon) in [soon, Soon::NONE].into_iter().enumerate() {
            self.multiply_half::<S, N>(panel, blocks, half, x, soon, out);
        }
    }

    #[inline(always)]
    fn multiply_floats<const N: usize>(
        self,
        floats: &[Row16],
        x: &[f32],
        cols: usize,
        out: &mut [Row16; N],
    ) {
        let mut rows = [x; N];
        for n in 0..N {
            rows[n] = &x[n * cols..][..floats.len()];
        }
        let mut sums = [self.splat(0.0); N];
        for k in 0..floats.len() {
            let w = self.row(&floats[k]);
            for n in 0..N {
                let x = rows[n][k];
                // SAFETY: `self` proves the instructions.
                sums[n] = unsafe { each!(I => vfmaq_n_f32(sums[n][I], w[I], x)) };
            }
        }
        for n in 0..N {
            let sum = self.plus(self.row(&out[n]), sums[n]);
            self.store_row(sum, &mut out[n]);
        }
    }

    #[inline(always)]
    fn spin_int8(self, rounds: usize) -> u64 {
        let (x, w) = black_box((bytes(1), bytes(1)));
        let mut sums = [zero(); SPINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                // Without the instruction, products are made apart from the sum: the sum takes
                // part in them, so that they cannot be taken out of the loop.
                // SAFETY: `self` proves the instructions.
                let w = unsafe { if DOT { w } else { veorq_s8(w, vreinterpretq_s8_s32(*sum)) } };
                *sum = self.dot_lane::<0>(*sum, w, x);
            }
        }
        black_box(sums);
        // 16 products and 16 additions each.
        (32 * rounds * SPINS) as u64
    }
}

/// Eight of the sixteen lanes: two registers of integers.
type Sums = [int32x4_t; 2];
/// Eight of the sixteen lanes: two registers.
type Half = [float32x4_t; 2];

impl<const DOT: bool> Neon<DOT> {
    /// [`Arch::multiply`] for half of the sixteen rows.
    #[inline(always)]
    fn multiply_half<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        half: usize,
        x: &[RowChunk; N],
        soon: Soon<'_>,
        out: &mut [Row16; N],
    ) {
        let mut c = [load(&out[0], half); N];
        for n in 0..N {
            c[n] = load(&out[n], half);
        }
        for block in 0..blocks {
            soon.ask_share(self, block);
            let zero = [[zero(); 2]; N];
            let scale = load(&panel.scale[block][0], half);
            let mut product = c;
            let mut sums = self.half_block::<S, N>(panel, block, 0, half, x, zero);
            if !S::HALVES {
                sums = self.half_block::<S, N>(panel, block, 1, half, x, sums);
            }
            for n in 0..N {
                product[n] = scaled(sums[n], scale);
            }
            if S::HALVES {
                sums = self.half_block::<S, N>(panel, block, 1, half, x, zero);
                let scale = load(&panel.scale[block][1], half);
                for n in 0..N {
                    product[n] = add_scaled(product[n], sums[n], scale);
                }
            }
            for n in 0..N {
                c[n] = add_times(c[n], product[n], x[n].scale[block]);
            }
            if S::MINIMUM {
                for part in 0..if S::HALVES { 2 } else { 1 } {
                    let min = load(&panel.min[block][part], half);
                    for n in 0..N {
                        let halves = x[n].half_sum[block];
                        let sum = if S::HALVES { halves[part] } else { x[n].sum[block] };
                        c[n] = add_times(c[n], min, sum);
                    }
                }
            }
        }
        for n in 0..N {
            store(&mut out[n], half, c[n]);
        }
    }

    /// Adds the products of the four groups of one half (`part`) of a block to the sums.
    #[inline(always)]
    fn half_block<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        block: usize,
        part: usize,
        half: usize,
        x: &[RowChunk; N],
        mut sums: [Sums; N],
    ) -> [Sums; N] {
        let groups = &panel.q[block].as_chunks::<4>().0[part];
        let mut rows = [bytes(0); N];
        for n in 0..N {
            let sixteen = &x[n].q[block].as_chunks::<16>().0[part];
            // SAFETY: `self` proves the instruction; sixteen bytes are read.
            rows[n] = unsafe { vld1q_s8(sixteen.as_ptr()) };
        }
        sums = self.group::<S, 0, N>(&groups[0], half, &rows, sums);
        sums = self.group::<S, 1, N>(&groups[1], half, &rows, sums);
        sums = self.group::<S, 2, N>(&groups[2], half, &rows, sums);
        self.group::<S, 3, N>(&groups[3], half, &rows, sums)
    }

    /// Adds the products of a group of four elements with word `LANE` of each of the `rows`.
    #[inline(always)]
    fn group<S: Scheme, const LANE: i32, const N: usize>(
        self,
        line: &Line,
        half: usize,
        rows: &[int8x16_t; N],
        mut sums: [Sums; N],
    ) -> [Sums; N] {
        let eight = &line[8 * half..][..8];
        // SAFETY: `self` proves the instructions; eight words are read.
        let w = unsafe {
            let low = vld1q_u8(eight.as_ptr().cast());
            [low, vld1q_u8(eight.as_ptr().add(4).cast())]
        };
        let w = [integers::<S>(w[0]), integers::<S>(w[1])];
        for n in 0..N {
            sums[n][0] = self.dot_lane::<LANE>(sums[n][0], w[0], rows[n]);
            sums[n][1] = self.dot_lane::<LANE>(sums[n][1], w[1], rows[n]);
        }
        sums
    }

    /// Adds to each word of `sum` the products of the four bytes of a word of `w` with the four bytes
    /// of word `LANE` of `x`.
    #[inline(always)]
    fn dot_lane<const LANE: i32>(self, sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
        // SAFETY: `self` proves the instructions.
        unsafe { if DOT { sdot::<LANE>(sum, w, x) } else { two_by_two::<LANE>(sum, w, x) } }
    }
}

/// The instruction, which is exact.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot<const LANE: i32>(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: nothing but registers is used.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {x:v}.4b[{lane}]",
            sum = inout(vreg) sum,
            w = in(vreg) w,
            x = in(vreg) x,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// The same of what every processor has. Products have 16 bits, and so do sums of two: magnitudes of
/// weights are at most 128 and those of activations 127, and 2 * 128 * 127 = 32512.
#[inline]
#[target_feature(enable = "neon")]
fn two_by_two<const LANE: i32>(sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    let x = vreinterpretq_s8_s32(vdupq_laneq_s32::<LANE>(vreinterpretq_s32_s8(x)));
    let (low, high) = (vmull_s8(vget_low_s8(w), vget_low_s8(x)), vmull_high_s8(w, x));
    vpadalq_s16(sum, vpaddq_s16(low, high))
}

// Below is what every one of these processors has.

/// The integers that a panel's bytes stand for.
#[inline(always)]
fn integers<S: Scheme>(bytes: uint8x16_t) -> int8x16_t {
    // SAFETY: see above.
    unsafe {
        vreinterpretq_s8_u8(if S::MINIMUM { bytes } else { veorq_u8(bytes, vdupq_n_u8(128)) })
    }
}

#[inline(always)]
fn zero() -> int32x4_t {
    // SAFETY: see above.
    unsafe { vdupq_n_s32(0) }
}

#[inline(always)]
fn bytes(x: i8) -> int8x16_t {
    // SAFETY: see above.
    unsafe { vdupq_n_s8(x) }
}

/// `sums * scale`
#[inline(always)]
fn scaled(sums: Sums, scale: Half) -> Half {
    // SAFETY: see above.
    unsafe {
        let floats = [vcvtq_f32_s32(sums[0]), vcvtq_f32_s32(sums[1])];
        [vmulq_f32(floats[0], scale[0]), vmulq_f32(floats[1], scale[1])]
    }
}

/// `c + sums * scale`, rounded once.
#[inline(always)]
fn add_scaled(c: Half, sums: Sums, scale: Half) -> Half {
    // SAFETY: see above.
    unsafe {
        let floats = [vcvtq_f32_s32(sums[0]), vcvtq_f32_s32(sums[1])];
        [vfmaq_f32(c[0], floats[0], scale[0]), vfmaq_f32(c[1], floats[1], scale[1])]
    }
}

/// `c + a * x`, rounded once.
#[inline(always)]
fn add_times(c: Half, a: Half, x: f32) -> Half {
    // SAFETY: see above.
    unsafe { [vfmaq_n_f32(c[0], a[0], x), vfmaq_n_f32(c[1], a[1], x)] }
}

/// Half of a row.
#[inline(always)]
fn load(row: &Row16, half: usize) -> Half {
    let eight = &row[8 * half..][..8];
    // SAFETY: see above; eight floats are read.
    unsafe { [vld1q_f32(eight.as_ptr()), vld1q_f32(eight.as_ptr().add(4))] }
}

/// Half of a row.
#[inline(always)]
fn store(row: &mut Row16, half: usize, values: Half) {
    let eight = &mut row[8 * half..][..8];
    // SAFETY: see above; eight floats are written.
    unsafe {
        vst1q_f32(eight.as_mut_ptr(), values[0]);
        vst1q_f32(eight.as_mut_ptr().add(4), values[1]);
    }
}
