//! The README and the pages of the guide as documentation tests: every Rust example in them is
//! compiled and run by `cargo test`.
#![forbid(unsafe_code)]

#[doc = include_str!("../README.md")]
pub mod readme {}

#[doc = include_str!("guide/bits.md")]
pub mod bits {}

#[doc = include_str!("guide/arrays.md")]
pub mod arrays {}

#[doc = include_str!("guide/gradients.md")]
pub mod gradients {}

#[doc = include_str!("guide/optimizers.md")]
pub mod optimizers {}

#[doc = include_str!("guide/networks.md")]
pub mod networks {}

#[doc = include_str!("guide/inference.md")]
pub mod inference {}
