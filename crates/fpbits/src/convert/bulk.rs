//! The loops over slices, compiled once for each instruction set and chosen when the program runs.
//!
//! The loop is the same everywhere: the scalar conversion of each element. It has no branches, so
//! that the compiler turns it into vectors of whatever width the instruction set has; the bits
//! cannot differ, because the operations do not. Only binary16 is written out: there x86 has an
//! instruction, which rounds, quietens NaN and keeps its payload just as the scalar code does
//! (`tests/conversions.rs` holds it to that, on every input).
//!
//! This is the one file of the crate with `unsafe` in it: a function compiled for an instruction
//! set may be called only where the processor has it.

#![allow(unsafe_code)]

use super::{
    bf16_from_f32, bf16_to_f32, e2m1_from_f32, e2m1_to_f32, e4m3fn_from_f32, e4m3fn_to_f32,
    e5m2_from_f32, e5m2_to_f32, f16_from_f32, f16_to_f32,
};

#[inline(always)]
fn each<A: Copy, B>(from: &[A], to: &mut [B], convert: impl Fn(A) -> B) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = convert(from);
    }
}

/// What the processor has, best first.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Vectors of 512 bits: avx512f, bw, vl, dq.
    Avx512,
    /// Vectors of 256 bits and conversions of binary16: avx2, f16c.
    Avx2,
    /// What every x86-64 has.
    Baseline,
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn level() -> Level {
    use std::arch::is_x86_feature_detected as has;
    let avx2 = has!("avx2") && has!("f16c");
    if avx2 && has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq") {
        Level::Avx512
    } else if avx2 {
        Level::Avx2
    } else {
        Level::Baseline
    }
}

/// Without the standard library nothing can be detected.
#[cfg(all(target_arch = "x86_64", not(feature = "std")))]
fn level() -> Level {
    match cfg!(all(target_feature = "avx2", target_feature = "f16c")) {
        true => Level::Avx2,
        false => Level::Baseline,
    }
}

macro_rules! loops {
    ($($name:ident: $from:ty => $to:ty, $convert:expr;)*) => {
        $(
            pub(super) fn $name(from: &[$from], to: &mut [$to]) {
                #[cfg(target_arch = "x86_64")]
                {
                    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                    fn avx512(from: &[$from], to: &mut [$to]) {
                        each(from, to, $convert);
                    }

                    #[target_feature(enable = "avx2")]
                    fn avx2(from: &[$from], to: &mut [$to]) {
                        each(from, to, $convert);
                    }

                    match level() {
                        // SAFETY: the level says that the processor has these instructions.
                        Level::Avx512 => return unsafe { avx512(from, to) },
                        // SAFETY: as above.
                        Level::Avx2 => return unsafe { avx2(from, to) },
                        Level::Baseline => {}
                    }
                }
                each(from, to, $convert);
            }
        )*
    };
}

loops! {
    bf16_from_f32_slice: f32 => u16, bf16_from_f32;
    bf16_to_f32_slice: u16 => f32, bf16_to_f32;
    e4m3fn_from_f32_slice: f32 => u8, e4m3fn_from_f32;
    e4m3fn_to_f32_slice: u8 => f32, e4m3fn_to_f32;
    e5m2_from_f32_slice: f32 => u8, e5m2_from_f32;
    e5m2_to_f32_slice: u8 => f32, e5m2_to_f32;
    e2m1_from_f32_slice: f32 => u8, e2m1_from_f32;
    e2m1_to_f32_slice: u8 => f32, e2m1_to_f32;
    e2m1x2_from_f32_slice: [f32; 2] => u8, |[low, high]: [f32; 2]| {
        e2m1_from_f32(low) | e2m1_from_f32(high) << 4
    };
    e2m1x2_to_f32_slice: u8 => [f32; 2], |byte: u8| {
        [e2m1_to_f32(byte), e2m1_to_f32(byte >> 4)]
    };
}

pub(super) fn f16_from_f32_slice(values: &[f32], codes: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: the level says that the processor has these instructions.
        Level::Avx512 => return unsafe { x86::f16_from_f32_avx512(values, codes) },
        // SAFETY: as above.
        Level::Avx2 => return unsafe { x86::f16_from_f32_avx2(values, codes) },
        Level::Baseline => {}
    }
    each(values, codes, f16_from_f32);
}

pub(super) fn f16_to_f32_slice(codes: &[u16], values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: the level says that the processor has these instructions.
        Level::Avx512 => return unsafe { x86::f16_to_f32_avx512(codes, values) },
        // SAFETY: as above.
        Level::Avx2 => return unsafe { x86::f16_to_f32_avx2(codes, values) },
        Level::Baseline => {}
    }
    each(codes, values, f16_to_f32);
}

/// binary16 by the processor's conversions, in registers of 8 or 16; the rest one by one.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{each, f16_from_f32, f16_to_f32};
    use core::arch::x86_64::{
        _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps,
        _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_storeu_ps,
        _mm256_storeu_si256, _mm512_cvtph_ps, _mm512_cvtps_ph, _mm512_loadu_ps, _mm512_storeu_ps,
    };

    const NEAREST_EVEN: i32 = _MM_FROUND_TO_NEAREST_INT;

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) fn f16_from_f32_avx512(values: &[f32], codes: &mut [u16]) {
        let (blocks, rest) = values.as_chunks::<16>();
        let (outs, out_rest) = codes.as_chunks_mut::<16>();
        for (block, out) in blocks.iter().zip(outs) {
            // SAFETY: both arrays have 16 elements, which these load and store.
            unsafe {
                let rounded = _mm512_cvtps_ph::<NEAREST_EVEN>(_mm512_loadu_ps(block.as_ptr()));
                _mm256_storeu_si256(out.as_mut_ptr().cast(), rounded);
            }
        }
        each(rest, out_rest, f16_from_f32);
    }

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn f16_from_f32_avx2(values: &[f32], codes: &mut [u16]) {
        let (blocks, rest) = values.as_chunks::<8>();
        let (outs, out_rest) = codes.as_chunks_mut::<8>();
        for (block, out) in blocks.iter().zip(outs) {
            // SAFETY: both arrays have 8 elements, which these load and store.
            unsafe {
                let rounded = _mm256_cvtps_ph::<NEAREST_EVEN>(_mm256_loadu_ps(block.as_ptr()));
                _mm_storeu_si128(out.as_mut_ptr().cast(), rounded);
            }
        }
        each(rest, out_rest, f16_from_f32);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) fn f16_to_f32_avx512(codes: &[u16], values: &mut [f32]) {
        let (blocks, rest) = codes.as_chunks::<16>();
        let (outs, out_rest) = values.as_chunks_mut::<16>();
        for (block, out) in blocks.iter().zip(outs) {
            // SAFETY: both arrays have 16 elements, which these load and store.
            unsafe {
                let wide = _mm512_cvtph_ps(_mm256_loadu_si256(block.as_ptr().cast()));
                _mm512_storeu_ps(out.as_mut_ptr(), wide);
            }
        }
        each(rest, out_rest, f16_to_f32);
    }

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn f16_to_f32_avx2(codes: &[u16], values: &mut [f32]) {
        let (blocks, rest) = codes.as_chunks::<8>();
        let (outs, out_rest) = values.as_chunks_mut::<8>();
        for (block, out) in blocks.iter().zip(outs) {
            // SAFETY: both arrays have 8 elements, which these load and store.
            unsafe {
                let wide = _mm256_cvtph_ps(_mm_loadu_si128(block.as_ptr().cast()));
                _mm256_storeu_ps(out.as_mut_ptr(), wide);
            }
        }
        each(rest, out_rest, f16_to_f32);
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// The narrower instruction set, which the dispatch passes by where there is a wider one.
    #[test]
    fn avx2_equals_the_scalar_code() {
        if level() == Level::Baseline {
            return;
        }
        let values: std::vec::Vec<f32> =
            (0..100_003u32).map(|i| f32::from_bits(i.wrapping_mul(42_949))).collect();
        let mut codes = std::vec![0; values.len()];
        // SAFETY: the level is at least Avx2.
        unsafe { x86::f16_from_f32_avx2(&values, &mut codes) };
        assert!(values.iter().zip(&codes).all(|(&x, &code)| f16_from_f32(x) == code));
        let codes: std::vec::Vec<u16> = (0..=u16::MAX).collect();
        let mut values = std::vec![0.0; codes.len()];
        // SAFETY: as above.
        unsafe { x86::f16_to_f32_avx2(&codes, &mut values) };
        let same = |(&x, &code): (&f32, &u16)| f16_to_f32(code).to_bits() == x.to_bits();
        assert!(values.iter().zip(&codes).all(same));
    }
}
