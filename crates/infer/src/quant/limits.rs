//! What this machine can do at most, measured: the measure of the kernels.

use std::hint::black_box;
use std::time::Instant;

use rayon::prelude::*;

use super::kernels::Isa;
use crate::pages::Pages;

/// Bytes that are read: beyond any cache that a process has to itself.
const BUFFER: usize = 1 << 29;
/// Repetitions; the fastest counts, since everything else on the machine only slows down.
const TIMES: usize = 5;

/// The limits of the current rayon pool, measured now.
///
/// A product with one row of activations cannot be faster than its weights are read; one with many
/// rows not faster than the multiplications are done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineLimits {
    /// Threads that took part.
    pub threads: usize,
    /// Bytes read from memory in a second, in large pages where the system grants them.
    pub read_bytes: f64,
    /// Multiplications and additions of 8-bit integers in a second, by the instruction that the
    /// kernels use.
    pub int8_operations: f64,
    /// The same of f32, fused.
    pub f32_operations: f64,
    /// The same of bf16, summed in f32: of pairs if an instruction multiplies them, else as of f32.
    pub bf16_operations: f64,
}

impl MachineLimits {
    /// Measures for some tenths of a second.
    pub fn measure() -> Self {
        LimitBuffer::new().measure()
    }
}

/// The memory that [`MachineLimits`] reads, for measurements that are taken in turns with others.
#[derive(Debug)]
pub struct LimitBuffer(Pages);

impl LimitBuffer {
    /// Half a GiB that has been written.
    pub fn new() -> Self {
        let mut pages = Pages::zeroed(BUFFER);
        pages.par_chunks_mut(1 << 21).for_each(|page| page.fill(1));
        LimitBuffer(pages)
    }

    /// Measures for some tenths of a second.
    pub fn measure(&self) -> MachineLimits {
        MachineLimits {
            threads: rayon::current_num_threads(),
            read_bytes: self.read_bytes(TIMES),
            int8_operations: self.int8_operations(TIMES),
            f32_operations: self.f32_operations(TIMES),
            bf16_operations: self.bf16_operations(TIMES),
        }
    }

    /// Operations on 8-bit integers in a second, the best of `times` measurements.
    pub fn int8_operations(&self, times: usize) -> f64 {
        let isa = Isa::detect();
        rate(times, |rounds| isa.spin_int8(rounds))
    }

    /// Operations on f32 in a second, the best of `times` measurements.
    pub fn f32_operations(&self, times: usize) -> f64 {
        let isa = Isa::detect();
        rate(times, |rounds| isa.spin_f32(rounds))
    }

    /// Operations on bf16 in a second, the best of `times` measurements.
    pub fn bf16_operations(&self, times: usize) -> f64 {
        let isa = Isa::detect();
        rate(times, |rounds| isa.spin_bf16(rounds))
    }

    /// Bytes read in a second, the best of `times` passes over the buffer.
    pub fn read_bytes(&self, times: usize) -> f64 {
        let isa = Isa::detect();
        let part = BUFFER / rayon::current_num_threads();
        let pass = || {
            let start = Instant::now();
            self.0.par_chunks(part).for_each(|bytes| isa.read(bytes));
            BUFFER as f64 / start.elapsed().as_secs_f64()
        };
        (0..times).map(|_| pass()).fold(0.0, f64::max)
    }
}

impl Default for LimitBuffer {
    fn default() -> Self {
        LimitBuffer::new()
    }
}

/// Operations in a second of all threads together. `spin` does a number of rounds and returns its
/// operations.
fn rate(times: usize, spin: impl Fn(usize) -> u64 + Sync) -> f64 {
    const ROUNDS: usize = 1 << 20;
    let threads = rayon::current_num_threads();
    let pass = || {
        let start = Instant::now();
        let operations: u64 =
            (0..threads).into_par_iter().with_max_len(1).map(|_| spin(black_box(ROUNDS))).sum();
        operations as f64 / start.elapsed().as_secs_f64()
    };
    (0..times).map(|_| pass()).fold(0.0, f64::max)
}
