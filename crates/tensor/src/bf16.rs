//! Products of operands rounded to bf16.

use ndarray::{ArrayD, ArrayViewD};

use crate::Float;
use crate::destination::fresh;
use crate::linear::{Layer, vjp_w_by};
use crate::matmul::Pair;

/// [`matmul`](crate::matmul) of operands that are rounded to bf16 (to nearest, ties to even, as
/// [`fpbits::bf16_from_f32`]) while they are read; all else is in `T`.
///
/// # Shapes
///
/// `a` [.., M, K], `b` [.., K, N] -> [.., M, N]
///
/// # Panics
///
/// As [`matmul`](crate::matmul).
///
/// # Accuracy
///
/// Rounding changes each operand by at most 2⁻⁸ of itself (half a unit in 8 bits; more below the smallest
/// normal number, 2⁻¹²⁶), a product by 2⁻⁷ + 2⁻¹⁶. Products of rounded operands are exact. In `f32` they are
/// summed by the processor's unit for bf16 if it has one, in the order of
/// [`Bf16Unit`](crate::simd::Bf16Unit): the bits are the same for any number of threads and strides, but not
/// on another unit. The sum's error is at most (K + 1) · u · Σ|a||b|, with AMX-BF16
/// (K/32 + 17) · u · Σ|a||b|. Without a unit, and in `f64`, this is `matmul` of the rounded operands.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{matmul_bf16, ndarray::array};
///
/// let a = array![[1.0_f32, 1.0 + 1.0 / 512.0]].into_dyn(); // the second rounds to 1
/// let b = array![[2.0], [3.0]].into_dyn();
/// assert_eq!(matmul_bf16(a.view(), b.view()), array![[5.0]].into_dyn());
/// ```
#[track_caller]
pub fn matmul_bf16<T: Float>(a: ArrayViewD<'_, T>, b: ArrayViewD<'_, T>) -> ArrayD<T> {
    let pair = Pair::new(&a, &b);
    fresh(&pair.shape(), |memory| pair.write_by(memory, T::write_product_bf16))
}

/// [`linear`](crate::linear) whose product is [`matmul_bf16`]: `x` and `w` are rounded to bf16, the bias is
/// not.
///
/// # Shapes
///
/// `x` [.., in], `w` [out, in], `bias` \[out\] -> [.., out]
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{linear_bf16, ndarray::array};
///
/// let x = array![1.0_f32, 2.0].into_dyn();
/// let w = array![[1.0, 0.0], [0.0, 1.0 + 1.0 / 512.0]].into_dyn();
/// assert_eq!(linear_bf16(x.view(), w.view(), None), array![1.0, 2.0].into_dyn());
/// ```
#[track_caller]
pub fn linear_bf16<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    bias: Option<ArrayViewD<'_, T>>,
) -> ArrayD<T> {
    let layer = Layer::new(&x, &w, bias.as_ref());
    fresh(&layer.shape, |memory| layer.write_by(memory, T::write_product_bf16))
}

/// The gradient of [`linear_bf16`] with respect to `x`, rounding counting as the identity: `dy · w` of
/// operands rounded to bf16.
///
/// # Shapes
///
/// `dy` [.., out], `w` [out, in] -> [.., in]
#[track_caller]
pub fn linear_bf16_vjp_x<T: Float>(dy: ArrayViewD<'_, T>, w: ArrayViewD<'_, T>) -> ArrayD<T> {
    assert!(w.ndim() == 2, "w {:?} is not [out, in]", w.shape());
    linear_bf16(dy, w.reversed_axes(), None)
}

/// The gradient of [`linear_bf16`] with respect to `w`, rounding counting as the identity: `dyᵀ · x` of
/// operands rounded to bf16, summed over the leading axes.
///
/// # Shapes
///
/// `dy` [.., out], `x` [.., in] -> [out, in]
///
/// # Panics
///
/// If the leading axes differ.
#[track_caller]
pub fn linear_bf16_vjp_w<T: Float>(dy: ArrayViewD<'_, T>, x: ArrayViewD<'_, T>) -> ArrayD<T> {
    vjp_w_by(&dy, &x, T::write_product_bf16)
}
