//! Values to a scale and elements, and back.

use super::{BlockFormat, Element};
use crate::{Context, Exact, ExactValue, Format, Number, Unrounded, Value};

impl BlockFormat {
    /// The scale and the elements of a block, each element rounded once, to nearest even, and
    /// saturated. Returns the scale's code.
    ///
    /// A block with an infinity or a NaN has a scale of NaN; a block of zeros the smallest scale.
    /// The last block of a tensor may be shorter.
    ///
    /// # Panics
    /// If there are more values than a block has, or not as many codes as values.
    ///
    /// # Examples
    /// ```
    /// use fpbits::BlockFormat;
    /// let mut codes = [0; 4];
    /// let scale = BlockFormat::NVFP4.quantize(&[12.0, -6.0, 1.0, 0.0], &mut codes);
    /// assert_eq!(scale, 0x40); // 2
    /// assert_eq!(codes, [0x7, 0xd, 0x1, 0x0]); // 6, -3, 0.5, 0
    /// ```
    #[track_caller]
    pub fn quantize(&self, values: &[f32], codes: &mut [u8]) -> u8 {
        self.quantize_with(values, 1.0, |_| Context::NEAREST_EVEN, codes)
    }

    /// [`BlockFormat::quantize`] of values / `tensor_scale`, element i rounded in `context(i)`. The
    /// block's scale is always rounded to nearest.
    ///
    /// # Panics
    /// If there are more values than a block has, not as many codes as values, or the tensor's scale
    /// is not a positive number.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{BlockFormat, StochasticRounding};
    /// let random = StochasticRounding::new(1, 0, 16);
    /// let mut codes = [0; 2];
    /// let f = BlockFormat::MXFP4;
    /// let scale = f.quantize_with(&[4.0, 0.25], 1.0, |i| random.context(i as u64), &mut codes);
    /// assert_eq!((scale, codes[0]), (127, 6)); // 4 x 2^0; the other is 0 or 0.5
    /// assert!(codes[1] == 0 || codes[1] == 1);
    /// ```
    #[track_caller]
    pub fn quantize_with(
        &self,
        values: &[f32],
        tensor_scale: f32,
        context: impl Fn(usize) -> Context,
        codes: &mut [u8],
    ) -> u8 {
        self.check_lengths(values.len(), codes.len());
        let tensor_scale = positive(tensor_scale);
        let scale = self.scale_of(values, tensor_scale);
        let Value::Finite(block_scale) = self.scale.decode(scale.into()) else {
            codes.fill(0);
            return scale;
        };
        let divisor = Value::Finite(times(block_scale, tensor_scale));
        for (i, (code, &value)) in codes.iter_mut().zip(values).enumerate() {
            let quotient = Exact::quotient(&Value::of_f32(value), &divisor);
            *code = self.element_code(&quotient, context(i));
        }
        scale
    }

    /// The values of a block.
    ///
    /// # Accuracy
    /// Rounded to nearest `f32`; exact unless the result is subnormal or beyond binary32's range.
    ///
    /// # Panics
    /// If there are more codes than a block has, or not as many values as codes.
    ///
    /// # Examples
    /// ```
    /// use fpbits::BlockFormat;
    /// let mut values = [0.0; 3];
    /// BlockFormat::MXINT8.dequantize(128, &[64, 127, 0x80], &mut values); // scale 2
    /// assert_eq!(values, [2.0, 3.96875, -4.0]);
    /// ```
    #[track_caller]
    pub fn dequantize(&self, scale: u8, codes: &[u8], values: &mut [f32]) {
        self.dequantize_with(scale, 1.0, codes, values);
    }

    /// The values of a block times `tensor_scale`.
    ///
    /// # Accuracy
    /// Rounded once, to the nearest `f32`.
    ///
    /// # Panics
    /// If there are more codes than a block has, not as many values as codes, or the tensor's scale
    /// is not a positive number.
    ///
    /// # Examples
    /// ```
    /// use fpbits::BlockFormat;
    /// let mut values = [0.0; 1];
    /// BlockFormat::NVFP4.dequantize_with(0x38, 0.1, &[0x5], &mut values); // 1 x 0.1 x 3
    /// assert_eq!(values, [0.3]);
    /// ```
    #[track_caller]
    pub fn dequantize_with(&self, scale: u8, tensor_scale: f32, codes: &[u8], values: &mut [f32]) {
        self.check_lengths(codes.len(), values.len());
        let tensor_scale = Value::Finite(positive(tensor_scale));
        let scale = self.scale.decode(scale.into());
        for (value, &code) in values.iter_mut().zip(codes) {
            let product = Exact::product(&self.element_value(code), &scale);
            let product = match product.value {
                ExactValue::Number(number) => Value::Finite(short(&number)),
                ExactValue::Zero { negative } => Value::Zero { negative },
                ExactValue::Infinite { negative } => Value::Infinite { negative },
                _ => Value::Nan { negative: false, fraction: 1 << 63 },
            };
            let exact = Exact::product(&product, &tensor_scale);
            let code = Format::BINARY32.round_exact(&exact, Context::NEAREST_EVEN).code;
            *value = f32::from_bits(code as u32);
        }
    }

    /// The scale of a whole tensor that brings its largest magnitude to the largest product of scale
    /// and element: amax / (448 x 6) for NVFP4. For MX formats, whose scales reach as far as
    /// binary32, it is 1; so it is for a tensor of zeros, or with an infinity or a NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::BlockFormat;
    /// assert_eq!(BlockFormat::NVFP4.tensor_scale(&[1.0, -5376.0, 3.0]), 2.0);
    /// assert_eq!(BlockFormat::MXFP4.tensor_scale(&[1.0, -5376.0, 3.0]), 1.0);
    /// ```
    pub fn tensor_scale(&self, values: &[f32]) -> f32 {
        let power_of_two = self.scale.layout().fraction_bits == 0;
        match largest_magnitude(values) {
            Some(Value::Finite(amax)) if !power_of_two => {
                let largest =
                    times(self.largest(&self.rounding_format()), self.largest(&self.scale));
                let quotient = Exact::quotient(&Value::Finite(amax), &Value::Finite(largest));
                let code = Format::BINARY32.round_exact(&quotient, Context::NEAREST_EVEN).code;
                // A scale of zero would divide by zero.
                f32::from_bits(code.max(1) as u32)
            }
            _ => 1.0,
        }
    }

    fn scale_of(&self, values: &[f32], tensor_scale: Number) -> u8 {
        let nan = self.scale.nan().expect("every scale format has a NaN") as u8;
        let smallest = self.scale.min_positive() as u8;
        let Some(Value::Finite(amax)) = largest_magnitude(values) else {
            let any_special = values.iter().any(|x| !x.is_finite());
            return if any_special { nan } else { smallest };
        };
        if self.scale.layout().fraction_bits == 0 {
            // floor(log2 amax) - emax, within the exponents of the scale.
            let exact = Exact::quotient(&Value::Finite(amax), &Value::Finite(tensor_scale));
            let ExactValue::Number(number) = exact.value else { unreachable!() };
            let leading = number.significand.ilog2() as i32 + number.exponent;
            let exponent = leading - self.rounding_format().max_exponent();
            let (least, most) = (self.scale.min_exponent(), self.scale.max_exponent());
            let power = Number::power_of_two(exponent.clamp(least, most));
            return self.scale.encode(&Value::Finite(power)) as u8;
        }
        let largest = times(self.largest(&self.rounding_format()), tensor_scale);
        let quotient = Exact::quotient(&Value::Finite(amax), &Value::Finite(largest));
        let code = self.scale.round_exact(&quotient, Context::NEAREST_EVEN).code as u8;
        code.max(smallest)
    }

    fn largest(&self, format: &Format) -> Number {
        match format.decode(format.max_finite()) {
            Value::Finite(number) => number,
            _ => unreachable!("the largest finite value is finite"),
        }
    }

    fn element_code(&self, quotient: &Exact, context: Context) -> u8 {
        let format = self.rounding_format();
        let code = format.round_exact(quotient, context).code as u8;
        match self.element {
            Element::Float(_) => code,
            Element::Int8 if code & 0x80 != 0 => (code & 0x7f).wrapping_neg(),
            Element::Int8 => code,
        }
    }

    fn element_value(&self, code: u8) -> Value {
        match self.element {
            Element::Float(format) => format.decode(code.into()),
            Element::Int8 => {
                let integer = code as i8;
                let significand = u64::from(integer.unsigned_abs());
                match significand {
                    0 => Value::Zero { negative: false },
                    _ => Value::Finite(
                        Number { negative: integer < 0, significand, exponent: -6 }.reduced(),
                    ),
                }
            }
        }
    }

    #[track_caller]
    fn check_lengths(&self, from: usize, to: usize) {
        let size = self.size;
        assert!(from <= size, "{from} elements in a block of {size}");
        assert!(from == to, "a block of {from} elements into {to}");
    }
}

/// The largest magnitude; `None` if there is nothing but zeros, or something that is no number.
fn largest_magnitude(values: &[f32]) -> Option<Value> {
    let finite = values.iter().all(|x| x.is_finite());
    let largest = values.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    (finite && largest > 0.0).then(|| Value::of_f32(largest))
}

#[track_caller]
fn positive(tensor_scale: f32) -> Number {
    match Value::of_f32(tensor_scale) {
        Value::Finite(number) if !number.negative => number,
        _ => panic!("a tensor's scale of {tensor_scale}, which is not a positive number"),
    }
}

/// The product of two numbers of so few bits that it has no more than 64.
fn times(a: Number, b: Number) -> Number {
    let (significand, exponent) = (a.significand * b.significand, a.exponent + b.exponent);
    Number { negative: a.negative != b.negative, significand, exponent }.reduced()
}

/// An exact number of no more than 64 bits.
fn short(number: &Unrounded) -> Number {
    Number {
        negative: number.negative,
        significand: number.significand as u64,
        exponent: number.exponent,
    }
    .reduced()
}
