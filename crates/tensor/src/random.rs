//! Arrays of random numbers: element i (in logical order) is number i of the stream.

use ndarray::ArrayD;

use crate::map::shaped;
use crate::simd::out::{Out, collect};
use crate::{Float, Philox};

/// The numbers made at a time.
const CHUNK: usize = 4096;

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
    generate(shape, |index| random.uniform(index))
}

/// Normal with mean 0 and variance 1. See [`Philox::normal`].
pub fn normal<T: Float>(shape: &[usize], seed: u64, stream: u64) -> ArrayD<T> {
    let random = Philox::new(seed, stream);
    generate(shape, |index| random.normal(index))
}

fn generate<T: Float>(shape: &[usize], number: impl Fn(u64) -> T + Sync) -> ArrayD<T> {
    let data = collect(shape.iter().product(), CHUNK, |start, out: &mut Out<T>| {
        let len = out.len();
        let part = out.fill(len, T::ZERO);
        for (i, x) in part.iter_mut().enumerate() {
            *x = number((start + i) as u64);
        }
    });
    shaped(shape, data)
}
