//! Which instruction set a kernel runs on.

use std::sync::OnceLock;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::neon::Neon;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};

/// A computation that can be compiled for any instruction set.
///
/// Mark `run`, and everything it calls, `#[inline(always)]`: a function that is called rather than
/// inlined is compiled for the baseline processor. It gives the same bits there, only slower.
///
/// # Examples
///
/// ```
/// use ulp_tensor::simd::{self, Kernel};
///
/// struct Scale<'a> { x: &'a mut [f32], by: f32 }
///
/// impl Kernel for Scale<'_> {
///     type Output = ();
///     #[inline(always)]
///     fn run(self) {
///         for x in self.x.iter_mut() {
///             *x *= self.by;
///         }
///     }
/// }
///
/// let mut x = [1.0, 2.0, 3.0];
/// simd::run(Scale { x: &mut x, by: 2.0 });
/// assert_eq!(x, [2.0, 4.0, 6.0]);
/// ```
pub trait Kernel {
    /// What the computation returns.
    type Output;
    /// The computation, in plain Rust.
    fn run(self) -> Self::Output;
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// What the program was compiled for.
    Portable,
    /// AVX2 and FMA: 8 `f32` in a register.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 F: 16 `f32` in a register.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// NEON: 4 `f32` in a register.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon(Neon),
}

impl Isa {
    /// The widest this processor has, found once.
    ///
    /// The environment variable `ULP_ISA` (`portable`, `avx2`, `avx512` or `neon`) asks for another, for
    /// tests and measurements; what the processor does not have is not given.
    #[inline]
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let asked = std::env::var("ULP_ISA").ok();
            let all = Isa::available();
            let asked = all.iter().find(|isa| asked.as_deref() == Some(isa.name()));
            *asked.or(all.last()).expect("the portable one is always there")
        })
    }

    /// The name by which `ULP_ISA` asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => "avx512",
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(_) => "neon",
        }
    }

    /// Every one this processor has, the portable one first, the widest last.
    pub fn available() -> Vec<Isa> {
        #[allow(unused_mut)]
        let mut all = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx2::detect().map(Isa::Avx2));
            all.extend(Avx512::detect().map(Isa::Avx512));
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        all.push(Isa::Neon(Neon::BASELINE));
        all
    }

    /// Runs `kernel` compiled for this instruction set.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Isa::Portable => kernel.run(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(isa) => isa.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) => isa.run(kernel),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(isa) => isa.run(kernel),
        }
    }
}

/// Runs `kernel` on the best instruction set of this processor.
#[inline]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    Isa::best().run(kernel)
}
