//! Arrays of random numbers: element i (in logical order) is number i of the stream.

use ndarray::ArrayD;

use crate::philox::box_muller;
use crate::simd::out::{Out, collect, shaped};
use crate::simd::{Kernel, run};
use crate::{Float, Philox};

/// The numbers made at a time.
const CHUNK: usize = 4096;

/// The pairs of normal numbers made at a time.
const PAIRS: usize = 64;

/// Uniform in [0, 1). See [`Philox::uniform`].
///
/// # Examples
///
/// ```
/// use ulp_tensor::{Philox, random};
///
/// let x = random::uniform::<f32>(&[2, 3], 42, 0);
/// assert_eq!(x[[1, 0]], Philox::new(42, 0).uniform(3));
/// ```
pub fn uniform<T: Float>(shape: &[usize], seed: u64, stream: u64) -> ArrayD<T> {
    let random = Philox::new(seed, stream);
    generate(shape, |start, out| run(Uniforms { random, start, out }))
}

/// Normal with mean 0 and variance 1. See [`Philox::normal`].
pub fn normal<T: Float>(shape: &[usize], seed: u64, stream: u64) -> ArrayD<T> {
    let random = Philox::new(seed, stream);
    generate(shape, |start, out| run(Normals { random, start, out }))
}

/// Normal with mean 0 and variance 1, but only between `least` and `most`: element i is the first
/// normal number inside among numbers i, i + 2^48, i + 2 · 2^48, .. of the stream.
///
/// # Panics
///
/// If less than 1/64 of the normal distribution lies between the bounds.
///
/// # Examples
///
/// ```
/// let x = ulp_tensor::random::truncated_normal::<f32>(&[1000], -2.0, 2.0, 1, 0);
/// assert!(x.iter().all(|x| (-2.0..=2.0).contains(x)));
/// ```
#[track_caller]
pub fn truncated_normal<T: Float>(
    shape: &[usize],
    least: f64,
    most: f64,
    seed: u64,
    stream: u64,
) -> ArrayD<T> {
    let share = Float::normal_cdf(most).0 - Float::normal_cdf(least).0;
    assert!(share >= 1.0 / 64.0, "{share} of the normal distribution lies in {least}..{most}");
    let random = Philox::new(seed, stream);
    let inside = |x: &T| (least..=most).contains(&x.to_f64());
    generate(shape, |start, out| {
        for (i, x) in out.iter_mut().enumerate() {
            let mut tries = (0..1 << 16).map(|t| random.normal::<T>(start + i as u64 + (t << 48)));
            // The chance that none is inside is (63/64)^65536.
            *x = tries.find(inside).unwrap_or(T::from_f64(least.midpoint(most)));
        }
    })
}

/// The numbers below `n` in random order: sorted by the stream's 64-bit words, of which number i
/// belongs to i.
///
/// # Examples
///
/// ```
/// let mut order = ulp_tensor::random::permutation(100, 1, 0);
/// assert_ne!(order, (0..100).collect::<Vec<_>>());
/// order.sort_unstable();
/// assert_eq!(order, (0..100).collect::<Vec<_>>());
/// ```
#[must_use]
pub fn permutation(n: usize, seed: u64, stream: u64) -> Vec<usize> {
    let random = Philox::new(seed, stream);
    let key = |&i: &usize| {
        let [a, b, ..] = random.block(i as u64);
        (u64::from(b) << 32 | u64::from(a), i)
    };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_cached_key(key);
    order
}

fn generate<T: Float>(shape: &[usize], fill: impl Fn(u64, &mut [T]) + Sync) -> ArrayD<T> {
    let data = collect(shape.iter().product(), CHUNK, |start, out: &mut Out<T>| {
        let len = out.len();
        fill(start as u64, out.fill(len, T::ZERO));
    });
    shaped(shape, data)
}

/// The uniform numbers from `start` on.
struct Uniforms<'a, T> {
    random: Philox,
    start: u64,
    out: &'a mut [T],
}

impl<T: Float> Kernel for Uniforms<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, x) in self.out.iter_mut().enumerate() {
            *x = self.random.uniform(self.start + i as u64);
        }
    }
}

/// The normal numbers from `start` (even) on: the pairs' uniform numbers first, then a loop of
/// arithmetic that becomes vector code.
struct Normals<'a, T> {
    random: Philox,
    start: u64,
    out: &'a mut [T],
}

impl<T: Float> Kernel for Normals<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (mut first, mut second) = ([0.0; PAIRS], [0.0; PAIRS]);
        for (piece, out) in self.out.chunks_mut(2 * PAIRS).enumerate() {
            let start = self.start / 2 + (piece * PAIRS) as u64;
            for (i, (u, v)) in first.iter_mut().zip(&mut second).enumerate() {
                (*u, *v) = self.random.uniform_pair(start + i as u64);
            }
            for (u, v) in first.iter_mut().zip(&mut second) {
                (*u, *v) = box_muller(*u, *v);
            }
            for (i, x) in out.iter_mut().enumerate() {
                *x = T::from_f64(if i % 2 == 0 { first[i / 2] } else { second[i / 2] });
            }
        }
    }
}
