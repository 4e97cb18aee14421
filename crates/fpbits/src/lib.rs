//! Number formats from their bits.
#![no_std]
#![forbid(unsafe_code)]

mod convert;
mod ulp;

pub use convert::{
    bf16_from_f32, bf16_from_f64, bf16_to_f32, bf16_to_f64, e4m3fn_from_f32, e4m3fn_from_f64,
    e4m3fn_to_f32, e4m3fn_to_f64, e5m2_from_f32, e5m2_from_f64, e5m2_to_f32, e5m2_to_f64,
    f16_from_f32, f16_from_f64, f16_to_f32, f16_to_f64,
};
pub use ulp::{
    Ulp, next_down_f32, next_down_f64, next_up_f32, next_up_f64, ulp_distance, ulp_distance_f32,
    ulp_distance_f64, ulp_f32, ulp_f64,
};
