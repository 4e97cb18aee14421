//! Sixteen lanes in four 128-bit registers (NEON); `neon_products` multiplies with them.
//!
//! NEON is part of every 64-bit Arm processor that runs Rust's standard library; the dot product of
//! bytes came with Armv8.2 and is asked for. Stable Rust has no function for it, nor for f16 and
//! prefetching: those instructions are written as assembly.

use std::arch::aarch64::*;
use std::arch::asm;

use super::super::panel::{Lanes, Line, Row16};
use super::super::tile::TILE;
use super::entry_points::entry_points;
use super::reading::Cache;

/// A 64-bit Arm processor; with `DOT`, the proof that it has the dot product of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon<const DOT: bool>(());

impl Neon<false> {
    /// What every one has.
    pub(super) const BASELINE: Self = Neon(());
}

impl Neon<true> {
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(Neon(()))
    }
}

entry_points!(Neon<false>, "neon");
entry_points!(Neon<true>, "neon,dotprod");

/// Sixteen lanes: four registers, as bytes.
pub(super) type Words = [uint8x16_t; 4];
/// Sixteen lanes: four registers.
type Floats = [float32x4_t; 4];

/// The same expression for each of the four registers.
macro_rules! each {
    ($i:ident => $result:expr) => {
        [each!($i, 0, $result), each!($i, 1, $result), each!($i, 2, $result), each!($i, 3, $result)]
    };
    ($i:ident, $register:literal, $result:expr) => {{
        const $i: usize = $register;
        $result
    }};
}
pub(super) use each;

impl<const DOT: bool> Lanes for Neon<DOT> {
    type Words = Words;
    type Floats = Floats;
    const REGISTERS: usize = 4;

    #[inline(always)]
    fn load(self, bytes: &[u8; 4 * TILE]) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vld1q_u8(bytes.as_ptr().add(16 * I))) }
    }

    #[inline(always)]
    fn line(self, line: &Line) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vld1q_u8(line.as_ptr().add(4 * I).cast())) }
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8; TILE]) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = vld1q_u8(bytes.as_ptr());
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes));
            [
                vreinterpretq_u8_u32(vmovl_u16(vget_low_u16(low))),
                vreinterpretq_u8_u32(vmovl_high_u16(low)),
                vreinterpretq_u8_u32(vmovl_u16(vget_low_u16(high))),
                vreinterpretq_u8_u32(vmovl_high_u16(high)),
            ]
        }
    }

    #[inline(always)]
    fn widen_signed(self, bytes: &[u8; TILE]) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let bytes = vreinterpretq_s8_u8(vld1q_u8(bytes.as_ptr()));
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes));
            [
                vreinterpretq_u8_s32(vmovl_s16(vget_low_s16(low))),
                vreinterpretq_u8_s32(vmovl_high_s16(low)),
                vreinterpretq_u8_s32(vmovl_s16(vget_low_s16(high))),
                vreinterpretq_u8_s32(vmovl_high_s16(high)),
            ]
        }
    }

    #[inline(always)]
    fn store_bytes(self, words: Words, bytes: &mut [u8; 4 * TILE]) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vst1q_u8(bytes.as_mut_ptr().add(16 * I), words[I])) };
    }

    #[inline(always)]
    fn store(self, words: Words, line: &mut Line) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vst1q_u8(line.as_mut_ptr().add(4 * I).cast(), words[I])) };
    }

    #[inline(always)]
    fn bits(self, words: Words, shift: u32, mask: u8) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vandq_u8(shifted(words[I], -(shift as i32)), vdupq_n_u8(mask))) }
    }

    #[inline(always)]
    fn byte(self, words: Words, index: usize) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let mask = vreinterpretq_u8_u32(vdupq_n_u32(255));
            each!(I => vandq_u8(shifted(words[I], -8 * index as i32), mask))
        }
    }

    #[inline(always)]
    fn turn(self, words: Words, left: i32, mask: u8) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vandq_u8(shifted(words[I], left), vdupq_n_u8(mask))) }
    }

    #[inline(always)]
    fn or(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vorrq_u8(a[I], b[I])) }
    }

    #[inline(always)]
    fn add(self, words: Words, n: u8) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vaddq_u8(words[I], vdupq_n_u8(n))) }
    }

    #[inline(always)]
    fn xor(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => veorq_u8(a[I], b[I])) }
    }

    #[inline(always)]
    fn spread(self, words: Words, shift: u32) -> Words {
        // SAFETY: `self` proves the instructions.
        unsafe {
            // The product holds the four bits four times, seven places further each time, so that
            // bit j stands at 8 j + 4 once; nothing overlaps.
            let copies = vdupq_n_u32(1 << 4 | 1 << 11 | 1 << 18 | 1 << 25);
            each!(I => {
                let word = vreinterpretq_u32_u8(shifted(words[I], -(shift as i32)));
                let product = vmulq_u32(vandq_u32(word, vdupq_n_u32(15)), copies);
                vandq_u8(vreinterpretq_u8_u32(product), vdupq_n_u8(16))
            })
        }
    }

    #[inline(always)]
    fn look_up(self, table: &[u8; 16], words: Words) -> Words {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            let table = vld1q_u8(table.as_ptr());
            each!(I => vqtbl1q_u8(table, words[I]))
        }
    }

    #[inline(always)]
    fn fetch(self, line: *const u8, _first: Cache) {
        // SAFETY: a prefetch is a hint: it reads nothing and cannot fault at any address.
        unsafe {
            asm!(
                "prfm pldl1keep, [{line}]",
                line = in(reg) line,
                options(nomem, nostack, preserves_flags)
            );
        }
    }

    #[inline(always)]
    fn floats(self, words: Words) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vcvtq_f32_s32(vreinterpretq_s32_u8(words[I]))) }
    }

    #[inline(always)]
    fn row(self, row: &Row16) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vld1q_f32(row.as_ptr().add(4 * I))) }
    }

    #[inline(always)]
    fn row_of_bytes(self, bytes: &[u8; 4 * TILE]) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vreinterpretq_f32_u8(vld1q_u8(bytes.as_ptr().add(16 * I)))) }
    }

    #[inline(always)]
    fn f16(self, bytes: &[u8; 2 * TILE]) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => widen_f16(vld1_u8(bytes.as_ptr().add(8 * I)))) }
    }

    #[inline(always)]
    fn bf16(self, bytes: &[u8; 2 * TILE]) -> Floats {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe {
            each!(I => {
                let four = vreinterpret_u16_u8(vld1_u8(bytes.as_ptr().add(8 * I)));
                vreinterpretq_f32_u32(vshll_n_u16::<16>(four))
            })
        }
    }

    #[inline(always)]
    fn store_row(self, floats: Floats, row: &mut Row16) {
        // SAFETY: `self` proves the instructions; memory is reached through arrays of their size.
        unsafe { each!(I => vst1q_f32(row.as_mut_ptr().add(4 * I), floats[I])) };
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { [vdupq_n_f32(x); 4] }
    }

    #[inline(always)]
    fn plus(self, a: Floats, b: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vaddq_f32(a[I], b[I])) }
    }

    #[inline(always)]
    fn times(self, a: Floats, b: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vmulq_f32(a[I], b[I])) }
    }

    #[inline(always)]
    fn fma(self, a: Floats, b: Floats, c: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vfmaq_f32(c[I], a[I], b[I])) }
    }

    #[inline(always)]
    fn larger(self, a: Floats, b: Floats) -> Floats {
        // SAFETY: `self` proves the instructions.
        unsafe { each!(I => vbslq_f32(vcgtq_f32(b[I], a[I]), b[I], a[I])) }
    }
}

/// Each word shifted left, or right where `left` is negative.
#[inline(always)]
fn shifted(words: uint8x16_t, left: i32) -> uint8x16_t {
    // SAFETY: every processor of this kind has the instructions.
    unsafe { vreinterpretq_u8_u32(vshlq_u32(vreinterpretq_u32_u8(words), vdupq_n_s32(left))) }
}

/// Four f16 as f32, which is exact.
#[inline(always)]
fn widen_f16(four: uint8x8_t) -> float32x4_t {
    let floats;
    // SAFETY: the instruction is there as above; nothing but registers is used.
    unsafe {
        asm!(
            "fcvtl {floats:v}.4s, {four:v}.4h",
            floats = out(vreg) floats,
            four = in(vreg) four,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    floats
}
