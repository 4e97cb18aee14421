//! Whole slices, in plain loops that the compiler vectorises.

use super::{bf16_from_f32, bf16_to_f32, f16_from_f32, f16_to_f32};

/// [`f16_from_f32`] of each element.
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// let mut codes = [0; 3];
/// fpbits::f16_from_f32_slice(&[0.0, 1.0, -2.0], &mut codes);
/// assert_eq!(codes, [0, 0x3c00, 0xc000]);
/// ```
#[track_caller]
pub fn f16_from_f32_slice(values: &[f32], codes: &mut [u16]) {
    same_length(values.len(), codes.len());
    for (code, &value) in codes.iter_mut().zip(values) {
        *code = f16_from_f32(value);
    }
}

/// [`f16_to_f32`] of each element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn f16_to_f32_slice(codes: &[u16], values: &mut [f32]) {
    same_length(codes.len(), values.len());
    for (value, &code) in values.iter_mut().zip(codes) {
        *value = f16_to_f32(code);
    }
}

/// [`bf16_from_f32`] of each element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn bf16_from_f32_slice(values: &[f32], codes: &mut [u16]) {
    same_length(values.len(), codes.len());
    for (code, &value) in codes.iter_mut().zip(values) {
        *code = bf16_from_f32(value);
    }
}

/// [`bf16_to_f32`] of each element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn bf16_to_f32_slice(codes: &[u16], values: &mut [f32]) {
    same_length(codes.len(), values.len());
    for (value, &code) in values.iter_mut().zip(codes) {
        *value = bf16_to_f32(code);
    }
}

#[track_caller]
fn same_length(from: usize, to: usize) {
    assert!(from == to, "conversion of {from} elements into {to}");
}
