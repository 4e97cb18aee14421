//! The `half` crate as a second oracle where it rounds correctly, and the record of where it does
//! not.

use fpbits::*;

#[test]
fn from_f32_agrees_with_half() {
    let mut bits = 0u32;
    for _ in 0..4_000_000 {
        let x = f32::from_bits(bits);
        if !x.is_nan() {
            assert_eq!(f16_from_f32(x), half::f16::from_f32(x).to_bits(), "{x:e}");
            assert_eq!(bf16_from_f32(x), half::bf16::from_f32(x).to_bits(), "{x:e}");
        }
        bits = bits.wrapping_add(0x9e37_79b1);
    }
}

#[test]
fn to_f32_agrees_with_half() {
    for code in 0..=u16::MAX {
        let (f, b) = (half::f16::from_bits(code), half::bf16::from_bits(code));
        assert!(f.is_nan() || f.to_f32() == f16_to_f32(code));
        assert!(b.is_nan() || b.to_f32() == bf16_to_f32(code));
        assert_eq!(f.is_nan(), f16_to_f32(code).is_nan());
        assert_eq!(b.is_nan(), bf16_to_f32(code).is_nan());
    }
}

/// half 2.7.1 rounds f64 to f16 by way of f32 where the processor has F16C, and without looking
/// at the lower 32 bits elsewhere: a value just above the middle between 1 and the next f16 goes
/// down to 1. Should this test fail because half became right, change the README, too.
#[test]
fn half_2_7_1_rounds_f64_to_f16_twice() {
    let just_above_the_tie = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
    assert_eq!(half::f16::from_f64(just_above_the_tie).to_bits(), 0x3c00);
    assert_eq!(f16_from_f64(just_above_the_tie), 0x3c01);
}
