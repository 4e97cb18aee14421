//! Block formats: the scale by its definition, the elements as the nearest to value / scale.

use fpbits::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// The elements' values, by a search over all codes.
fn element_values(f: &BlockFormat) -> Vec<(u8, f64)> {
    let codes = 0..=u8::MAX >> (8 - f.element_bits());
    let value = |code: u8| match f.element() {
        Element::Int8 => f64::from(code as i8) / 64.0,
        Element::Float(format) => f64::from_bits(format.convert(code.into(), &Format::BINARY64)),
    };
    codes.map(|code| (code, value(code))).filter(|(_, value)| value.is_finite()).collect()
}

fn scale_value(f: &BlockFormat, scale: u8) -> f64 {
    f64::from_bits(f.scale().convert(scale.into(), &Format::BINARY64))
}

proptest! {
    #[test]
    fn blocks(which in 0..7usize, values in vec(-8.0f32..8.0, 1..=16), shift in -100i32..100) {
        let (name, f) = BlockFormat::NAMED[which];
        // NVFP4's scales reach from 2^-9 to 448 only.
        let shift = if name == "nvfp4" { shift / 20 } else { shift };
        let values: Vec<f32> = values.iter().map(|x| x * 2f32.powi(shift)).collect();
        let mut codes = vec![0; values.len()];
        let scale = f.quantize(&values, &mut codes);
        let amax = values.iter().fold(0f32, |m, x| m.max(x.abs()));
        prop_assume!(amax > 0.0);
        let (x, elements) = (scale_value(&f, scale), element_values(&f));
        let largest = elements.iter().fold(0f64, |m, (_, v)| m.max(*v));
        if name == "nvfp4" {
            let wanted = f64::from(amax) / 6.0;
            prop_assert!((x - wanted).abs() <= wanted / 16.0 || x == 2f64.powi(-9), "{} {}", x, wanted);
        } else {
            let wanted = f64::from(amax).log2().floor() - largest.log2().floor();
            prop_assert_eq!(x, 2f64.powf(wanted), "{}", name);
        }
        for (&value, &code) in values.iter().zip(&codes) {
            let wanted = f64::from(value) / x; // exact for powers of two; else 29 bits away from ties
            let got = elements.iter().find(|(c, _)| *c == code).unwrap().1;
            let nearest =
                elements.iter().map(|(_, v)| (v - wanted).abs()).fold(f64::INFINITY, f64::min);
            // MXINT8 does not use -128.
            prop_assert!((got - wanted).abs() <= nearest + f64::from(name == "mxint8") / 64.0 * f64::from(wanted < -1.98), "{} {} {}", name, value, got);
        }
        let mut back = vec![0.0; values.len()];
        f.dequantize(scale, &codes, &mut back);
        for (&value, &code) in back.iter().zip(&codes) {
            let exact = elements.iter().find(|(c, _)| *c == code).unwrap().1 * x;
            prop_assert_eq!(value, exact as f32);
        }
    }

    /// What was quantized once is quantized to the same codes again.
    #[test]
    fn quantizing_again_changes_nothing(which in 0..6usize, values in vec(-8.0f32..8.0, 1..=32)) {
        let (_, f) = BlockFormat::NAMED[which];
        let (mut codes, mut back) = (vec![0; values.len()], vec![0.0; values.len()]);
        let scale = f.quantize(&values, &mut codes);
        f.dequantize(scale, &codes, &mut back);
        let mut again = vec![0; values.len()];
        let second = f.quantize(&back, &mut again);
        let mut twice = vec![0.0; values.len()];
        f.dequantize(second, &again, &mut twice);
        prop_assert_eq!(back, twice);
    }

    #[test]
    fn packing(bits in 1..=8u32, codes in vec(any::<u8>(), 0..40)) {
        let codes: Vec<u8> = codes.iter().map(|code| code >> (8 - bits)).collect();
        let mut bytes = vec![0; (codes.len() * bits as usize).div_ceil(8)];
        pack_codes(bits, &codes, &mut bytes);
        let mut back = vec![0; codes.len()];
        unpack_codes(bits, &bytes, &mut back);
        prop_assert_eq!(codes, back);
    }

    /// A tensor of any magnitude through NVFP4 with its scale.
    #[test]
    fn nvfp4_with_a_tensor_scale(values in vec(-8.0f32..8.0, 1..=16), shift in -100i32..100) {
        let values: Vec<f32> = values.iter().map(|x| x * 2f32.powi(shift)).collect();
        let f = BlockFormat::NVFP4;
        let tensor = f.tensor_scale(&values);
        let (mut codes, mut back) = (vec![0; values.len()], vec![0.0; values.len()]);
        let scale = f.quantize_with(&values, tensor, |_| Context::NEAREST_EVEN, &mut codes);
        f.dequantize_with(scale, tensor, &codes, &mut back);
        let amax = values.iter().fold(0f32, |m, x| m.max(x.abs()));
        for (x, y) in values.iter().zip(&back) {
            // Half of the widest gap, 4 to 6, of which 6 is amax.
            prop_assert!((x - y).abs() <= amax / 6.0 * 1.01, "{} {}", x, y);
        }
    }
}

#[test]
fn special_blocks() {
    for (name, f) in BlockFormat::NAMED {
        let mut codes = [1; 3];
        let scale = f.quantize(&[0.0, -0.0, 0.0], &mut codes);
        assert_eq!(u64::from(scale), f.scale().min_positive(), "{name}");
        let mut back = [1.0; 3];
        f.dequantize(scale, &codes, &mut back);
        assert_eq!(back, [0.0; 3], "{name}");
        for bad in [f32::INFINITY, f32::NAN] {
            let scale = f.quantize(&[1.0, bad, 0.0], &mut codes);
            assert!(f.scale().is_nan(scale.into()), "{name}");
            f.dequantize(scale, &codes, &mut back);
            assert!(back.iter().all(|x| x.is_nan()), "{name}");
        }
        assert_eq!(f.tensor_scale(&[0.0, f32::NAN]), 1.0);
    }
    // The ends of the scale's range.
    let (f, mut codes) = (BlockFormat::MXFP4, [0; 2]);
    assert_eq!(f.quantize(&[f32::MAX, 0.0], &mut codes), 252); // 127 - 2
    assert_eq!(codes[0], 7); // 3.99 x 2^127 saturates at 6 x 2^125
    assert_eq!(f.quantize(&[f32::from_bits(1), 0.0], &mut codes), 0);
    assert_eq!(BlockFormat::MXINT8.quantize(&[1.0, -1.0], &mut codes), 127);
    assert_eq!(codes, [64, 192]);
}

#[test]
#[should_panic(expected = "33 elements in a block of 32")]
fn blocks_have_a_size() {
    BlockFormat::MXFP4.quantize(&[0.0; 33], &mut [0; 33]);
}

#[test]
#[should_panic(expected = "3 codes of 6 bits need 3 bytes, not 2")]
fn packing_needs_room() {
    pack_codes(6, &[0; 3], &mut [0; 2]);
}
