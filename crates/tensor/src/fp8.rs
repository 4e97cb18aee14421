//! Products and attention of 8-bit operands, summed in `f32`.

use ndarray::{ArrayD, ArrayViewD};

use crate::stored::{narrow, widen};
use crate::{attention, matmul_bf16, pool};

/// An 8-bit format of stored numbers; arrays of it hold codes, as `u8`
/// ([Micikevicius et al. 2022](https://arxiv.org/abs/2209.05433); OCP 8-bit floating point, 2023).
///
/// Neither has many magnitudes: scale what is stored, and the product back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fp8Format {
    /// 4 bits of exponent, 3 of fraction, no infinities: up to 448. For weights and activations.
    E4m3fn,
    /// 5 bits of exponent, 2 of fraction: up to 57344. For gradients.
    E5m2,
}

impl Fp8Format {
    /// The codes of `x`, each rounded to nearest, ties to even, as [`fpbits::e4m3fn_from_f32`] and
    /// [`fpbits::e5m2_from_f32`] do: what is too large becomes infinite in E5M2 and NaN in E4M3FN, which has no
    /// infinity (PyTorch gives its largest number there).
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_tensor::{Fp8Format, ndarray::array};
    ///
    /// let x = array![1.0_f32, -2.0].into_dyn();
    /// assert_eq!(Fp8Format::E4m3fn.narrow(x.view()), array![0x38, 0xc0].into_dyn());
    /// ```
    #[must_use]
    pub fn narrow(self, x: ArrayViewD<'_, f32>) -> ArrayD<u8> {
        narrow(
            x,
            match self {
                Fp8Format::E4m3fn => fpbits::e4m3fn_from_f32_slice,
                Fp8Format::E5m2 => fpbits::e5m2_from_f32_slice,
            },
        )
    }

    /// The numbers of these codes, exactly.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_tensor::{Fp8Format, ndarray::array};
    ///
    /// let codes = array![0x7b_u8, 0x01].into_dyn();
    /// let x = array![57344.0, 2.0_f32.powi(-16)].into_dyn();
    /// assert_eq!(Fp8Format::E5m2.widen(codes.view()), x);
    /// ```
    #[must_use]
    pub fn widen(self, codes: ArrayViewD<'_, u8>) -> ArrayD<f32> {
        widen(
            codes,
            match self {
                Fp8Format::E4m3fn => fpbits::e4m3fn_to_f32_slice,
                Fp8Format::E5m2 => fpbits::e5m2_to_f32_slice,
            },
        )
    }
}

/// `a · b` over the last two axes, the leading ones broadcasting, of operands stored in 8 bits, `a` in the
/// first format and `b` in the second: sums are `f32`.
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
/// That of [`matmul_bf16`], since every number of both formats is a bf16: each product is exact, and sums
/// are in the order of the processor's own unit if it has one ([`Bf16Unit`](crate::simd::Bf16Unit)).
///
/// # Examples
///
/// ```
/// use ulp_tensor::{Fp8Format, matmul_fp8, ndarray::array};
///
/// let format = Fp8Format::E4m3fn;
/// let a = format.narrow(array![[1.0_f32, 2.0], [3.0, 4.0]].into_dyn().view());
/// let product = matmul_fp8(a.view(), a.view(), [format; 2]);
/// assert_eq!(product, array![[7.0, 10.0], [15.0, 22.0]].into_dyn());
/// ```
#[track_caller]
pub fn matmul_fp8(
    a: ArrayViewD<'_, u8>,
    b: ArrayViewD<'_, u8>,
    formats: [Fp8Format; 2],
) -> ArrayD<f32> {
    let (a, b) = (formats[0].widen(a), formats[1].widen(b));
    let product = matmul_bf16(a.view(), b.view());
    pool::recycle(a);
    pool::recycle(b);
    product
}

/// [`attention`] of queries, keys and values stored in 8 bits: all else is `f32`.
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
/// use ulp_tensor::{Fp8Format, attention_fp8, ndarray::ArrayD};
///
/// let x = ArrayD::from_shape_fn(vec![1, 3, 2, 4], |i| (i[1] + i[3]) as f32);
/// let codes = Fp8Format::E4m3fn.narrow(x.view());
/// let y = attention_fp8(codes.view(), codes.view(), codes.view(), Fp8Format::E4m3fn, 0.5, true);
/// assert_eq!(y[[0, 0, 0, 3]], 3.0); // the first query sees itself alone
/// ```
#[track_caller]
pub fn attention_fp8(
    q: ArrayViewD<'_, u8>,
    k: ArrayViewD<'_, u8>,
    v: ArrayViewD<'_, u8>,
    format: Fp8Format,
    scale: f32,
    causal: bool,
) -> ArrayD<f32> {
    let [q, k, v] = [q, k, v].map(|codes| format.widen(codes));
    let out = attention(q.view(), k.view(), v.view(), scale, causal);
    [q, k, v].into_iter().for_each(pool::recycle);
    out
}
