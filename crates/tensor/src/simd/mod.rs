//! Instruction sets, and the only unsafe code of the crate.
//!
//! A kernel is written once, in plain Rust, as the [`run`](Kernel::run) of a [`Kernel`]. It is
//! compiled once for each instruction set (the same source inside a function that may use wider
//! registers), and [`run`] picks the best one the processor has. Since every kernel says in which
//! order it adds, and multiplies-and-adds with one rounding, each instruction set gives the same
//! bits: a wider register only means that more of the same additions happen at once.
//!
//! Six things here need `unsafe`, each behind a safe door of its own:
//! - a function compiled for an instruction set may be called only where it exists: [`Isa`] is a
//!   value that exists only if the processor has it;
//! - the matrix unit's tiles are used only where it and the system allow it: `amx`;
//! - an output is written into memory that is not zeroed first, a large one past the caches: `out`, `stream`,
//!   `huge_pages`;
//! - an array is made of elements whose number was compared with its shape, without more: `out`;
//! - parts of an output are lent to different threads: `share`;
//! - a view with any strides is read by address: `strided`, and the tiles of a product: `gemm`, `transpose`.

#[cfg(target_arch = "x86_64")]
pub mod amx;
mod avx2;
mod avx512;
pub(crate) mod gemm;
pub(crate) mod huge_pages;
mod isa;
mod neon;
pub(crate) mod out;
pub(crate) mod share;
mod stream;
pub(crate) mod strided;
mod transpose;

pub use gemm::{Bf16Unit, Element};
pub use isa::{Isa, Kernel, run};
pub(crate) use transpose::fetch;
