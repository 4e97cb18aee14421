//! AVX-512 F.
#![cfg(target_arch = "x86_64")]

use super::Kernel;
use super::gemm::tile::x86_tile;

/// Proof that the processor has AVX-512 F: only `detect` makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The proof, if the processor has it.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` exists, so the processor has AVX-512 F.
        unsafe { compiled(kernel) }
    }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn compiled<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

x86_tile!(
    TILE_F32,
    tile_f32,
    "avx512f,avx2,fma",
    f32,
    16,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps
);
x86_tile!(
    TILE_F64,
    tile_f64,
    "avx512f,avx2,fma",
    f64,
    8,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    _mm512_setzero_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd,
    _mm512_add_pd
);
