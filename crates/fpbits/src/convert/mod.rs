//! Conversions between Rust's `f32`/`f64` and the narrow formats: one file a format, and the two
//! methods they share.

mod any;
mod bf16;
mod bulk;
mod e2m1;
mod e4m3fn;
mod e5m2;
mod f16;
mod narrow;
mod slice;
mod widen;

pub use bf16::{bf16_from_f32, bf16_from_f64, bf16_to_f32, bf16_to_f64};
pub use e2m1::{e2m1_from_f32, e2m1_from_f64, e2m1_to_f32, e2m1_to_f64};
pub use e4m3fn::{e4m3fn_from_f32, e4m3fn_from_f64, e4m3fn_to_f32, e4m3fn_to_f64};
pub use e5m2::{e5m2_from_f32, e5m2_from_f64, e5m2_to_f32, e5m2_to_f64};
pub use f16::{f16_from_f32, f16_from_f64, f16_to_f32, f16_to_f64};
pub use slice::{
    bf16_from_f32_slice, bf16_to_f32_slice, e2m1_from_f32_slice, e2m1_to_f32_slice,
    e2m1x2_from_f32_slice, e2m1x2_to_f32_slice, e4m3fn_from_f32_slice, e4m3fn_to_f32_slice,
    e5m2_from_f32_slice, e5m2_to_f32_slice, f16_from_f32_slice, f16_to_f32_slice,
};
