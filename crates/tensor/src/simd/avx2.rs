//! AVX2 and FMA.
#![cfg(target_arch = "x86_64")]

use super::Kernel;
use super::gemm::tile::x86_tile;

/// Proof that the processor has AVX2 and FMA: only `detect` makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, if the processor has it.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has AVX2 and FMA.
        unsafe { compiled(kernel) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn compiled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

x86_tile!(
    TILE_F32,
    tile_f32,
    "avx2,fma",
    f32,
    8,
    [1, 2, 3, 4, 5, 6],
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps
);
x86_tile!(
    TILE_F64,
    tile_f64,
    "avx2,fma",
    f64,
    4,
    [1, 2, 3, 4, 5, 6],
    _mm256_setzero_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_set1_pd,
    _mm256_fmadd_pd,
    _mm256_add_pd
);
