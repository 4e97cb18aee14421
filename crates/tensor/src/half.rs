//! Products and attention of 16-bit operands, summed in `f32`.

use ndarray::{ArrayD, ArrayViewD};

use crate::destination::fresh;
use crate::matmul::Pair;
use crate::simd::Bf16Unit;
use crate::simd::gemm::bf16;
use crate::stored::{narrow, widen};
use crate::{attention, matmul, pool};

/// A 16-bit format of stored numbers; arrays of it hold codes, as `u16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HalfFormat {
    /// IEEE 754 binary16: 5 bits of exponent, 10 of fraction.
    F16,
    /// bfloat16, the upper half of an `f32`: 8 bits of exponent, 7 of fraction.
    Bf16,
}

impl HalfFormat {
    /// The codes of `x`, each rounded to nearest, ties to even, as [`fpbits::f16_from_f32`] and
    /// [`fpbits::bf16_from_f32`] do: too large a number becomes infinity, NaN stays one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_tensor::{HalfFormat, ndarray::array};
    ///
    /// let x = array![1.0_f32, 1.0 + 1.0 / 256.0, 1e6].into_dyn();
    /// let codes = HalfFormat::Bf16.narrow(x.view());
    /// assert_eq!(codes, array![0x3f80, 0x3f80, 0x4974].into_dyn()); // 1, 1, 999424
    /// assert_eq!(HalfFormat::F16.narrow(x.view())[2], 0x7c00); // infinity
    /// ```
    #[must_use]
    pub fn narrow(self, x: ArrayViewD<'_, f32>) -> ArrayD<u16> {
        let convert = match self {
            HalfFormat::F16 => fpbits::f16_from_f32_slice,
            HalfFormat::Bf16 => fpbits::bf16_from_f32_slice,
        };
        narrow(x, convert)
    }

    /// The numbers of these codes, exactly.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_tensor::{HalfFormat, ndarray::array};
    ///
    /// let codes = array![0x3c00, 0x0001, 0xfc00].into_dyn();
    /// let x = array![1.0, 2.0_f32.powi(-24), f32::NEG_INFINITY].into_dyn();
    /// assert_eq!(HalfFormat::F16.widen(codes.view()), x);
    /// ```
    #[must_use]
    pub fn widen(self, codes: ArrayViewD<'_, u16>) -> ArrayD<f32> {
        let convert = match self {
            HalfFormat::F16 => fpbits::f16_to_f32_slice,
            HalfFormat::Bf16 => fpbits::bf16_to_f32_slice,
        };
        widen(codes, convert)
    }
}

/// `a · b` over the last two axes, the leading ones broadcasting, of operands stored in 16 bits: all
/// else is `f32`.
///
/// # Shapes
///
/// `a` [.., M, K], `b` [.., K, N] -> [.., M, N]
///
/// # Panics
///
/// As [`matmul`].
///
/// # Accuracy
///
/// [`HalfFormat::F16`]: by definition [`matmul`] of the widened operands, so the same bits on every
/// instruction set. [`HalfFormat::Bf16`]: that of [`matmul_bf16`](crate::matmul_bf16), on the processor's
/// own unit if it has one ([`Bf16Unit`](crate::simd::Bf16Unit)), else as F16.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{HalfFormat, matmul_half, ndarray::array};
///
/// let a = HalfFormat::Bf16.narrow(array![[1.0_f32, 2.0], [3.0, 4.0]].into_dyn().view());
/// let product = matmul_half(a.view(), a.view(), HalfFormat::Bf16);
/// assert_eq!(product, array![[7.0, 10.0], [15.0, 22.0]].into_dyn());
/// ```
#[track_caller]
pub fn matmul_half(
    a: ArrayViewD<'_, u16>,
    b: ArrayViewD<'_, u16>,
    format: HalfFormat,
) -> ArrayD<f32> {
    // Without a unit, widening here is the definition, and goes by whole slices.
    if format == HalfFormat::Bf16 && Bf16Unit::best().is_some() {
        let pair = Pair::new(&a, &b);
        return fresh(&pair.shape(), |memory| pair.write_by(memory, bf16::write_product));
    }
    let (a, b) = (format.widen(a), format.widen(b));
    let product = matmul(a.view(), b.view());
    pool::recycle(a);
    pool::recycle(b);
    product
}

/// [`attention`] of queries, keys and values stored in 16 bits: all else is `f32`.
///
/// # Shapes
///
/// `q` [B, T, H, D], `k` [B, S, K, D], `v` [B, S, K, D] -> [B, T, H, D]; K divides H
///
/// # Panics
///
/// As [`attention`].
///
/// # Accuracy
///
/// By definition that of [`attention`] of the widened operands: the same bits on every instruction set.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{HalfFormat, attention_half, ndarray::ArrayD};
///
/// let x = ArrayD::from_shape_fn(vec![1, 3, 2, 4], |i| (i[1] + i[3]) as f32);
/// let codes = HalfFormat::F16.narrow(x.view());
/// let y = attention_half(codes.view(), codes.view(), codes.view(), HalfFormat::F16, 0.5, true);
/// assert_eq!(y.shape(), [1, 3, 2, 4]);
/// assert_eq!(y[[0, 0, 0, 3]], 3.0); // the first query sees itself alone
/// ```
#[track_caller]
pub fn attention_half(
    q: ArrayViewD<'_, u16>,
    k: ArrayViewD<'_, u16>,
    v: ArrayViewD<'_, u16>,
    format: HalfFormat,
    scale: f32,
    causal: bool,
) -> ArrayD<f32> {
    let [q, k, v] = [q, k, v].map(|codes| format.widen(codes));
    let out = attention(q.view(), k.view(), v.view(), scale, causal);
    [q, k, v].into_iter().for_each(pool::recycle);
    out
}
