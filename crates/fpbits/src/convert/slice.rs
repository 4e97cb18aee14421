//! Whole slices. Each element is what the scalar conversion gives, bit for bit, on every processor;
//! `bulk.rs` says how.

use super::bulk;

#[track_caller]
fn same_length(from: usize, to: usize) {
    assert!(from == to, "conversion of {from} elements into {to}");
}

macro_rules! slices {
    ($($(#[$doc:meta])* $name:ident($from:ident: $source:ty, $to:ident: $target:ty);)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the lengths differ.
            #[track_caller]
            pub fn $name($from: &[$source], $to: &mut [$target]) {
                same_length($from.len(), $to.len());
                bulk::$name($from, $to);
            }
        )*
    };
}

slices! {
    /// [`f16_from_f32`](crate::f16_from_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut codes = [0; 3];
    /// fpbits::f16_from_f32_slice(&[0.0, 1.0, -2.0], &mut codes);
    /// assert_eq!(codes, [0, 0x3c00, 0xc000]);
    /// ```
    f16_from_f32_slice(values: f32, codes: u16);

    /// [`f16_to_f32`](crate::f16_to_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut values = [0.0; 2];
    /// fpbits::f16_to_f32_slice(&[0x3c00, 0xc000], &mut values);
    /// assert_eq!(values, [1.0, -2.0]);
    /// ```
    f16_to_f32_slice(codes: u16, values: f32);

    /// [`bf16_from_f32`](crate::bf16_from_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut codes = [0; 2];
    /// fpbits::bf16_from_f32_slice(&[1.0, -2.0], &mut codes);
    /// assert_eq!(codes, [0x3f80, 0xc000]);
    /// ```
    bf16_from_f32_slice(values: f32, codes: u16);

    /// [`bf16_to_f32`](crate::bf16_to_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut values = [0.0; 2];
    /// fpbits::bf16_to_f32_slice(&[0x3f80, 0xc000], &mut values);
    /// assert_eq!(values, [1.0, -2.0]);
    /// ```
    bf16_to_f32_slice(codes: u16, values: f32);

    /// [`e4m3fn_from_f32`](crate::e4m3fn_from_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut codes = [0; 3];
    /// fpbits::e4m3fn_from_f32_slice(&[1.0, -2.0, 1e9], &mut codes);
    /// assert_eq!(codes, [0x38, 0xc0, 0x7f]);
    /// ```
    e4m3fn_from_f32_slice(values: f32, codes: u8);

    /// [`e4m3fn_to_f32`](crate::e4m3fn_to_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut values = [0.0; 2];
    /// fpbits::e4m3fn_to_f32_slice(&[0x38, 0xfe], &mut values);
    /// assert_eq!(values, [1.0, -448.0]);
    /// ```
    e4m3fn_to_f32_slice(codes: u8, values: f32);

    /// [`e5m2_from_f32`](crate::e5m2_from_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut codes = [0; 2];
    /// fpbits::e5m2_from_f32_slice(&[1.0, -1e9], &mut codes);
    /// assert_eq!(codes, [0x3c, 0xfc]);
    /// ```
    e5m2_from_f32_slice(values: f32, codes: u8);

    /// [`e5m2_to_f32`](crate::e5m2_to_f32) of each element.
    ///
    /// # Examples
    /// ```
    /// let mut values = [0.0; 2];
    /// fpbits::e5m2_to_f32_slice(&[0x3c, 0xfc], &mut values);
    /// assert_eq!(values, [1.0, f32::NEG_INFINITY]);
    /// ```
    e5m2_to_f32_slice(codes: u8, values: f32);

    /// [`e2m1_from_f32`](crate::e2m1_from_f32) of each element, a code a byte.
    ///
    /// # Examples
    /// ```
    /// let mut codes = [0; 2];
    /// fpbits::e2m1_from_f32_slice(&[1.0, -6.0], &mut codes);
    /// assert_eq!(codes, [0x2, 0xf]);
    /// ```
    e2m1_from_f32_slice(values: f32, codes: u8);

    /// [`e2m1_to_f32`](crate::e2m1_to_f32) of each element, a code a byte.
    ///
    /// # Examples
    /// ```
    /// let mut values = [0.0; 2];
    /// fpbits::e2m1_to_f32_slice(&[0x2, 0xf], &mut values);
    /// assert_eq!(values, [1.0, -6.0]);
    /// ```
    e2m1_to_f32_slice(codes: u8, values: f32);
}

/// [`e2m1_from_f32`](crate::e2m1_from_f32) of each element, two codes a byte, the first in the lower
/// half.
///
/// # Panics
/// If there are not exactly two values for each byte.
///
/// # Examples
/// ```
/// let mut bytes = [0; 2];
/// fpbits::e2m1x2_from_f32_slice(&[1.0, -6.0, 0.5, 0.0], &mut bytes);
/// assert_eq!(bytes, [0xf2, 0x01]);
/// ```
#[track_caller]
pub fn e2m1x2_from_f32_slice(values: &[f32], bytes: &mut [u8]) {
    same_length(values.len(), 2 * bytes.len());
    bulk::e2m1x2_from_f32_slice(values, bytes);
}

/// [`e2m1_to_f32`](crate::e2m1_to_f32) of each element, two codes a byte, the first in the lower
/// half.
///
/// # Panics
/// If there are not exactly two values for each byte.
///
/// # Examples
/// ```
/// let mut values = [0.0; 4];
/// fpbits::e2m1x2_to_f32_slice(&[0xf2, 0x01], &mut values);
/// assert_eq!(values, [1.0, -6.0, 0.5, 0.0]);
/// ```
#[track_caller]
pub fn e2m1x2_to_f32_slice(bytes: &[u8], values: &mut [f32]) {
    same_length(2 * bytes.len(), values.len());
    bulk::e2m1x2_to_f32_slice(bytes, values);
}
