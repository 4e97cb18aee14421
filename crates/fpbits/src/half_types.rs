//! The `half` crate's types as floats whose distances can be measured.
//!
//! Conversions need no code here: `half::f16::from_bits(fpbits::f16_from_f64(x))`.

use crate::{Format, Ulp, Value};

impl Ulp for half::f16 {
    fn ulp(self) -> half::f16 {
        half::f16::from_bits(spacing(&Format::BINARY16, self.to_bits()))
    }

    fn ordinal(self) -> Option<i64> {
        Format::BINARY16.ordinal(self.to_bits().into()).map(|ordinal| ordinal as i64)
    }
}

impl Ulp for half::bf16 {
    fn ulp(self) -> half::bf16 {
        half::bf16::from_bits(spacing(&Format::BFLOAT16, self.to_bits()))
    }

    fn ordinal(self) -> Option<i64> {
        Format::BFLOAT16.ordinal(self.to_bits().into()).map(|ordinal| ordinal as i64)
    }
}

fn spacing(format: &Format, code: u16) -> u16 {
    let magnitude = code & 0x7fff;
    match format.ulp(code.into()) {
        Some(spacing) => format.encode(&Value::Finite(spacing)) as u16,
        None => magnitude,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Ulp, ulp_distance};
    use half::{bf16, f16};

    #[test]
    fn distances_of_half_types() {
        assert_eq!(ulp_distance(f16::from_f32(1.0), f16::from_f32(1.0) + f16::EPSILON), 1);
        assert_eq!(ulp_distance(bf16::from_f32(-0.0), bf16::ZERO), 0);
        assert_eq!(ulp_distance(f16::NAN, f16::ZERO), u64::MAX);
        assert_eq!(bf16::from_f32(1.0).ulp(), bf16::EPSILON);
        assert_eq!(f16::INFINITY.ulp(), f16::INFINITY);
    }
}
