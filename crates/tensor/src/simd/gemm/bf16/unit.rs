//! Which unit multiplies bf16 numbers.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use super::dot::Avx512Bf16;
#[cfg(target_arch = "x86_64")]
use crate::simd::amx;

/// A unit of this processor that multiplies bf16 numbers and sums in `f32`.
///
/// Each unit has an order of additions of its own, so that the bits of a product in bf16 are the same
/// for any number of threads, strides and batches, but only on one unit. A product of two bf16 numbers
/// is exact in `f32`, and each addition rounds to nearest, ties to even. Both take subnormal operands for
/// zero, and make subnormal sums zero.
///
/// # Examples
///
/// ```
/// use ulp_tensor::simd::Bf16Unit;
///
/// match Bf16Unit::best() {
///     Some(unit) => println!("bf16 products: {}", unit.name()),
///     None => println!("bf16 operands are widened to f32"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bf16Unit {
    /// AVX512-BF16, `vdpbf16ps`. Pairs (2i, 2i + 1) along K in ascending order, from s = 0:
    /// `s = fma(a[2i], b[2i], fma(a[2i + 1], b[2i + 1], s))`.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512Bf16),
    /// AMX-BF16, `tdpbf16ps`. Blocks of 32 along K in ascending order, from s = 0: `s = s + (e + o)`, e
    /// being the chain of fused multiply-adds from 0 over the block's even k, o over its odd ones.
    #[cfg(target_arch = "x86_64")]
    Amx(amx::Bf16),
}

impl Bf16Unit {
    /// The fastest this processor has, found once; `None` if there is none.
    ///
    /// The environment variable `ULP_ISA` asks for `avx512bf16` or `amx`; `portable`, `avx2` and `avx512`
    /// are without a unit.
    pub fn best() -> Option<Self> {
        static BEST: OnceLock<Option<Bf16Unit>> = OnceLock::new();
        *BEST.get_or_init(|| {
            let asked = std::env::var("ULP_ISA").ok();
            if let Some("portable" | "avx2" | "avx512") = asked.as_deref() {
                return None;
            }
            let all = Self::available();
            let asked = all.iter().find(|unit| asked.as_deref() == Some(unit.name()));
            asked.or(all.last()).copied()
        })
    }

    /// The name by which `ULP_ISA` asks for it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Bf16Unit::Avx512Bf16(_) => "avx512bf16",
            #[cfg(target_arch = "x86_64")]
            Bf16Unit::Amx(_) => "amx",
        }
    }

    /// Every one this processor has, the fastest last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx512Bf16::detect().map(Bf16Unit::Avx512Bf16));
            all.extend(amx::Bf16::detect().map(Bf16Unit::Amx));
        }
        all
    }
}
