//! Rotary position embedding.

use ndarray::{ArrayD, ArrayViewD};

use crate::Float;
use crate::rows::{row, rows_in_chunk};
use crate::simd::out::{Out, collect, shaped};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run};

/// The cosines and sines of position times inverse frequency (Su et al.,
/// [RoFormer](https://arxiv.org/abs/2104.09864)).
///
/// The angle is rounded to `T`, as in the reference implementations; its cosine and sine are then
/// those of the rounded angle.
///
/// # Examples
///
/// ```
/// let rotation = ulp_tensor::Rotation::new(&[0, 7], &[1.0f32, 0.1]);
/// assert_eq!(rotation.cos(0), [1.0, 1.0]);
/// assert_eq!(rotation.sin(0), [0.0, 0.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Rotation<T> {
    half: usize,
    cos: Vec<T>,
    sin: Vec<T>,
}

impl<T: Float> Rotation<T> {
    /// The angles of each position; D/2 inverse frequencies make a rotation of D elements.
    pub fn new(positions: &[u32], inverse_frequencies: &[T]) -> Self {
        let half = inverse_frequencies.len();
        let angles = positions.len() * half;
        let (mut cos, mut sin) = (Vec::with_capacity(angles), Vec::with_capacity(angles));
        for &position in positions {
            for &frequency in inverse_frequencies {
                let (s, c) = (T::from_f64(f64::from(position)) * frequency).sin_cos();
                cos.push(c);
                sin.push(s);
            }
        }
        Rotation { half, cos, sin }
    }

    /// The cosines of position number `t`.
    pub fn cos(&self, t: usize) -> &[T] {
        &self.cos[t * self.half..][..self.half]
    }

    /// The sines of position number `t`.
    pub fn sin(&self, t: usize) -> &[T] {
        &self.sin[t * self.half..][..self.half]
    }

    /// Rotates one head of position number `t`, in place.
    ///
    /// # Panics
    ///
    /// If `x` is not twice as long as there are inverse frequencies.
    #[track_caller]
    pub fn apply(&self, t: usize, x: &mut [T]) {
        self.check(x);
        run(Rotate { x, cos: self.cos(t), sin: self.sin(t), sign: T::ONE });
    }

    /// Rotates one head of position number `t` back, in place.
    ///
    /// # Panics
    ///
    /// If `x` is not twice as long as there are inverse frequencies.
    #[track_caller]
    pub fn apply_inverse(&self, t: usize, x: &mut [T]) {
        self.check(x);
        run(Rotate { x, cos: self.cos(t), sin: self.sin(t), sign: -T::ONE });
    }

    #[track_caller]
    fn check(&self, x: &[T]) {
        assert!(
            x.len() == 2 * self.half,
            "a head of {} elements and {} inverse frequencies",
            x.len(),
            self.half
        );
    }
}

/// Rotates the pair (x\[i\], x[i + D/2]) of each head by position · inverse_frequencies\[i\]:
/// the "rotate half" layout of Hugging Face and GPT-NeoX.
///
/// # Shapes
///
/// `x` [B, T, H, D], `positions` T (the same for each sequence) or B·T, `inverse_frequencies` D/2
/// -> [B, T, H, D]
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Accuracy
///
/// The sine and cosine of angles up to 2^20 are within 1 ulp; each element is then a product and a
/// fused multiply-add away.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::{ArrayD, IxDyn}, rope};
///
/// let x = ArrayD::from_shape_vec(IxDyn(&[1, 1, 1, 2]), vec![1.0f64, 0.0]).unwrap();
/// let y = rope(x.view(), &[2], &[0.5]);
/// assert_eq!(y[[0, 0, 0, 0]], 1.0f64.cos());
/// assert_eq!(y[[0, 0, 0, 1]], 1.0f64.sin());
/// ```
#[track_caller]
pub fn rope<T: Float>(
    x: ArrayViewD<'_, T>,
    positions: &[u32],
    inverse_frequencies: &[T],
) -> ArrayD<T> {
    rotate(x, positions, inverse_frequencies, T::ONE)
}

/// The rotation back: the inverse of [`rope`], and its adjoint.
#[track_caller]
pub fn rope_inverse<T: Float>(
    x: ArrayViewD<'_, T>,
    positions: &[u32],
    inverse_frequencies: &[T],
) -> ArrayD<T> {
    rotate(x, positions, inverse_frequencies, -T::ONE)
}

#[track_caller]
fn rotate<T: Float>(
    x: ArrayViewD<'_, T>,
    positions: &[u32],
    inverse_frequencies: &[T],
    sign: T,
) -> ArrayD<T> {
    assert!(x.ndim() == 4, "x {:?} is not [B, T, H, D]", x.shape());
    let (b, t, h, d) = (x.shape()[0], x.shape()[1], x.shape()[2], x.shape()[3]);
    assert!(
        d == 2 * inverse_frequencies.len(),
        "x {:?} does not fit {} inverse frequencies",
        x.shape(),
        inverse_frequencies.len()
    );
    assert!(
        positions.len() == t || positions.len() == b * t,
        "x {:?} does not fit {} positions",
        x.shape(),
        positions.len()
    );
    let rotation = Rotation::new(positions, inverse_frequencies);
    let heads = Strided::new(&x);
    let data = collect(x.len(), rows_in_chunk(d) * d, |start, out: &mut Out<T>| {
        let mut buffer = Vec::new();
        for index in start / d..(start + out.len()) / d {
            let at = (index / h) % positions.len();
            let head = out.copy(row(&heads, index, d, &mut buffer));
            run(Rotate { x: head, cos: rotation.cos(at), sin: rotation.sin(at), sign });
        }
    });
    shaped(x.shape(), data)
}

struct Rotate<'a, T> {
    x: &'a mut [T],
    cos: &'a [T],
    sin: &'a [T],
    sign: T,
}

impl<T: Float> Kernel for Rotate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (left, right) = self.x.split_at_mut(self.cos.len());
        let angles = self.cos.iter().zip(self.sin);
        for ((a, b), (&c, &s)) in left.iter_mut().zip(right).zip(angles) {
            let s = self.sign * s;
            let (x, y) = (*a, *b);
            *a = x.mul_add(c, -(y * s));
            *b = y.mul_add(c, x * s);
        }
    }
}
