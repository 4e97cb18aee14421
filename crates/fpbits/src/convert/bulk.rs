//! The loops over slices, compiled once for each instruction set and chosen when the program runs.
//!
//! The loop is the same everywhere: the scalar conversion of each element. It has no branches, so
//! that the compiler turns it into vectors of whatever width the instruction set has; the bits
//! cannot differ, because the operations do not. Only binary16 is written out: there x86 has an
//! instruction, which rounds, quietens NaN and keeps its payload just as the scalar code does
//! (`tests/numbers/conversions.rs` holds it to that, on every input).
//!
//! Long results are written past the caches: an ordinary store first reads the line it is about to
//! overwrite, which for results twice or four times as long as their sources is most of the traffic.
//!
//! This is the one file of the crate with `unsafe` in it: a function compiled for an instruction
//! set may be called only where the processor has it, and stores past the caches take pointers.

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

/// Results of so many bytes or more are written past the caches, which they would only flush. From
/// 4 MiB up that was measured to be faster.
#[cfg(target_arch = "x86_64")]
const STREAMED_BYTES: usize = 4 << 20;

/// How far ahead of the loop its source is asked for: without it, the stores that go past the
/// caches take the places in which loads wait for memory.
#[cfg(target_arch = "x86_64")]
const AHEAD_BYTES: usize = 2048;

/// Values that are made at a time when they go past the caches.
#[cfg(target_arch = "x86_64")]
const BLOCK: usize = 64;

/// [`each`] for values, which go past the caches if there are many of them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn each_value<A: Copy>(
    from: &[A],
    to: &mut [f32],
    convert: impl Fn(A) -> f32,
    store: impl Fn(&[f32; BLOCK], &mut [f32; BLOCK]),
) {
    if size_of_val(to) < STREAMED_BYTES {
        return each(from, to, convert);
    }
    let head = to.as_ptr().align_offset(64).min(to.len());
    let ((from_head, from), (to_head, to)) = (from.split_at(head), to.split_at_mut(head));
    each(from_head, to_head, &convert);
    let (blocks, rest) = from.as_chunks::<BLOCK>();
    let (outs, out_rest) = to.as_chunks_mut::<BLOCK>();
    let fill = |block: &[A; BLOCK], buffer: &mut [f32; BLOCK]| each(block, buffer, &convert);
    past_caches(blocks, outs, fill, store);
    each(rest, out_rest, convert);
}

/// Fills a buffer from each block in turn, and stores it past the caches.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn past_caches<A, const N: usize>(
    blocks: &[[A; N]],
    outs: &mut [[f32; BLOCK]],
    fill: impl Fn(&[A; N], &mut [f32; BLOCK]),
    store: impl Fn(&[f32; BLOCK], &mut [f32; BLOCK]),
) {
    let mut buffer = [0.0; BLOCK];
    for (block, out) in blocks.iter().zip(outs) {
        prefetch(block);
        fill(block, &mut buffer);
        store(&buffer, out);
    }
    // SAFETY: an SSE instruction, which every x86-64 has.
    unsafe { core::arch::x86_64::_mm_sfence() };
}

/// [`each`] for codes, whose source is asked for ahead if there are many of them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn each_code<A: Copy, B>(from: &[A], to: &mut [B], convert: impl Fn(A) -> B) {
    if size_of_val(from) < STREAMED_BYTES {
        return each(from, to, convert);
    }
    let (blocks, rest) = from.as_chunks::<BLOCK>();
    let (outs, out_rest) = to.as_chunks_mut::<BLOCK>();
    for (block, out) in blocks.iter().zip(outs) {
        prefetch(block);
        each(block, out, &convert);
    }
    each(rest, out_rest, convert);
}

/// Asks for the lines that lie [`AHEAD_BYTES`] behind a block.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch<A, const N: usize>(block: &[A; N]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in (0..size_of_val(block)).step_by(64) {
        let ahead = block.as_ptr().cast::<i8>().wrapping_add(AHEAD_BYTES + line);
        // SAFETY: an SSE instruction, which every x86-64 has; it reads nothing, and may be given
        // any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead) };
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
    let avx2 = cfg!(all(target_feature = "avx2", target_feature = "f16c"));
    let avx512 = cfg!(all(
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512vl",
        target_feature = "avx512dq"
    ));
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        (false, _) => Level::Baseline,
    }
}

/// To codes: what is written is no longer than what is read.
#[cfg(target_arch = "x86_64")]
macro_rules! codes {
    ($from:ident, $to:ident, $convert:expr, $store:expr) => {
        each_code($from, $to, $convert)
    };
}

/// To values.
#[cfg(target_arch = "x86_64")]
macro_rules! values {
    ($from:ident, $to:ident, $convert:expr, $store:expr) => {
        each_value($from, $to, $convert, $store)
    };
}

macro_rules! loops {
    ($($name:ident: $from:ty => $to:ty, $loop:ident, $convert:expr;)*) => {
        $(
            pub(super) fn $name(from: &[$from], to: &mut [$to]) {
                #[cfg(target_arch = "x86_64")]
                {
                    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                    fn avx512(from: &[$from], to: &mut [$to]) {
                        $loop!(from, to, $convert, |f, t| x86::store_avx512(f, t));
                    }

                    #[target_feature(enable = "avx2")]
                    fn avx2(from: &[$from], to: &mut [$to]) {
                        $loop!(from, to, $convert, |f, t| x86::store_avx2(f, t));
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
    bf16_from_f32_slice: f32 => u16, codes, bf16_from_f32;
    bf16_to_f32_slice: u16 => f32, values, bf16_to_f32;
    e4m3fn_from_f32_slice: f32 => u8, codes, e4m3fn_from_f32;
    e4m3fn_to_f32_slice: u8 => f32, values, e4m3fn_to_f32;
    e5m2_from_f32_slice: f32 => u8, codes, e5m2_from_f32;
    e5m2_to_f32_slice: u8 => f32, values, e5m2_to_f32;
    e2m1_from_f32_slice: f32 => u8, codes, e2m1_from_f32;
    e2m1_to_f32_slice: u8 => f32, values, e2m1_to_f32;
    pack_nibbles: [u8; 2] => u8, codes, |[low, high]: [u8; 2]| low | high << 4;
    unpack_nibbles: u8 => [u8; 2], codes, |byte: u8| [byte & 0xf, byte >> 4];
}

/// Elements that are converted at a time where there is a second step.
const STEP: usize = 1024;

pub(super) fn e2m1x2_from_f32_slice(values: &[f32], bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if size_of_val(values) >= STREAMED_BYTES {
        match level() {
            // SAFETY: the level says that the processor has these instructions.
            Level::Avx512 => return unsafe { x86::e2m1x2_from_f32_avx512(values, bytes) },
            // SAFETY: as above.
            Level::Avx2 => return unsafe { x86::e2m1x2_from_f32_avx2(values, bytes) },
            Level::Baseline => {}
        }
    }
    e2m1x2_from_f32_steps(values, bytes);
}

fn e2m1x2_from_f32_steps(values: &[f32], bytes: &mut [u8]) {
    let mut codes = [0; STEP];
    for (values, bytes) in values.chunks(STEP).zip(bytes.chunks_mut(STEP / 2)) {
        let codes = &mut codes[..values.len()];
        e2m1_from_f32_slice(values, codes);
        pack_nibbles(codes.as_chunks().0, bytes);
    }
}

/// Blocks whose source is asked for ahead; the end by steps.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn packed_ahead(values: &[f32], bytes: &mut [u8]) {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let (outs, out_rest) = bytes.as_chunks_mut::<{ BLOCK / 2 }>();
    let mut codes = [0; BLOCK];
    for (block, out) in blocks.iter().zip(outs) {
        prefetch(block);
        each(block, &mut codes, e2m1_from_f32);
        each(codes.as_chunks().0, out, |[low, high]: [u8; 2]| low | high << 4);
    }
    e2m1x2_from_f32_steps(rest, out_rest);
}

pub(super) fn e2m1x2_to_f32_slice(bytes: &[u8], values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if size_of_val(values) >= STREAMED_BYTES {
        match level() {
            // SAFETY: the level says that the processor has these instructions.
            Level::Avx512 => return unsafe { x86::e2m1x2_to_f32_avx512(bytes, values) },
            // SAFETY: as above.
            Level::Avx2 => return unsafe { x86::e2m1x2_to_f32_avx2(bytes, values) },
            Level::Baseline => {}
        }
    }
    e2m1x2_to_f32_steps(bytes, values);
}

fn e2m1x2_to_f32_steps(bytes: &[u8], values: &mut [f32]) {
    let mut codes = [0; STEP];
    for (bytes, values) in bytes.chunks(STEP / 2).zip(values.chunks_mut(STEP)) {
        let codes = &mut codes[..values.len()];
        unpack_nibbles(bytes, codes.as_chunks_mut().0);
        e2m1_to_f32_slice(codes, values);
    }
}

/// The values of a block of packed codes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn fill_from_nibbles(bytes: &[u8; BLOCK / 2], values: &mut [f32; BLOCK]) {
    let mut codes = [0; BLOCK];
    each(bytes, codes.as_chunks_mut().0, |byte| [byte & 0xf, byte >> 4]);
    each(&codes, values, e2m1_to_f32);
}

/// The blocks of a packed slice from where its values are aligned; the ends by steps.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn packed_past_caches(
    bytes: &[u8],
    values: &mut [f32],
    store: impl Fn(&[f32; BLOCK], &mut [f32; BLOCK]),
) {
    let head = values.as_ptr().align_offset(64).min(values.len());
    if head % 2 == 1 {
        return e2m1x2_to_f32_steps(bytes, values); // a line begins in the middle of a byte
    }
    let (head_bytes, bytes) = bytes.split_at(head / 2);
    let (head_values, values) = values.split_at_mut(head);
    e2m1x2_to_f32_steps(head_bytes, head_values);
    let (blocks, rest) = bytes.as_chunks();
    let (outs, out_rest) = values.as_chunks_mut();
    past_caches(blocks, outs, fill_from_nibbles, store);
    e2m1x2_to_f32_steps(rest, out_rest);
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
    use super::{
        BLOCK, STREAMED_BYTES, each, each_value, f16_from_f32, f16_to_f32, packed_ahead,
        packed_past_caches,
    };
    use core::arch::x86_64::{
        _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps,
        _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_storeu_ps,
        _mm256_storeu_si256, _mm256_stream_ps, _mm512_cvtph_ps, _mm512_cvtps_ph, _mm512_loadu_ps,
        _mm512_storeu_ps, _mm512_stream_ps,
    };

    /// A copy that does not go through the caches.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn store_avx512(from: &[f32; BLOCK], to: &mut [f32; BLOCK]) {
        assert!(to.as_ptr().addr().is_multiple_of(64), "not aligned");
        for i in (0..BLOCK).step_by(16) {
            // SAFETY: 16 elements from i on are there on both sides; the target is aligned.
            unsafe {
                let line = _mm512_loadu_ps(from.as_ptr().add(i));
                _mm512_stream_ps(to.as_mut_ptr().add(i), line);
            }
        }
    }

    /// A copy that does not go through the caches.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store_avx2(from: &[f32; BLOCK], to: &mut [f32; BLOCK]) {
        assert!(to.as_ptr().addr().is_multiple_of(64), "not aligned");
        for i in (0..BLOCK).step_by(8) {
            // SAFETY: 8 elements from i on are there on both sides; the target is aligned.
            unsafe {
                let half_line = _mm256_loadu_ps(from.as_ptr().add(i));
                _mm256_stream_ps(to.as_mut_ptr().add(i), half_line);
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) fn e2m1x2_from_f32_avx512(values: &[f32], bytes: &mut [u8]) {
        packed_ahead(values, bytes);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn e2m1x2_from_f32_avx2(values: &[f32], bytes: &mut [u8]) {
        packed_ahead(values, bytes);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) fn e2m1x2_to_f32_avx512(bytes: &[u8], values: &mut [f32]) {
        packed_past_caches(bytes, values, |f, t| store_avx512(f, t));
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn e2m1x2_to_f32_avx2(bytes: &[u8], values: &mut [f32]) {
        packed_past_caches(bytes, values, |f, t| store_avx2(f, t));
    }

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
        if size_of_val(values) >= STREAMED_BYTES {
            return each_value(codes, values, f16_to_f32, |f, t| store_avx512(f, t));
        }
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
        if size_of_val(values) >= STREAMED_BYTES {
            return each_value(codes, values, f16_to_f32, |f, t| store_avx2(f, t));
        }
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
