use ulp_tensor::Float;

/// A factor, and which products with it vanish.
///
/// A mean that decays by a tenth a step, because its parameter gets no gradient any more (a unit that
/// died, a token that never comes), ends at a subnormal number whose tenth rounds to zero, and stays
/// there. Each multiplication of a subnormal number costs some processors a hundred times as much as
/// any other: a step of Adam took four times as long from then on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factor<T> {
    factor: T,
    /// The largest number, itself subnormal, whose product with the factor rounds to zero.
    vanishing: T,
}

impl<T: Float> Factor<T> {
    pub(crate) fn new(factor: T) -> Self {
        let smallest = T::MIN_POSITIVE * T::EPSILON;
        let subnormals = (T::ONE / T::EPSILON).to_f64() - 1.0;
        // Half of the smallest number rounds to zero, the even neighbour. (A quotient that is too large
        // by a rounding is found by the product, which is exact up to there or far too large.)
        let mut count = (0.5 / factor.abs().to_f64()).floor().min(subnormals);
        while count > 0.0 && count.mul_add(factor.abs().to_f64(), -0.5) > 0.0 {
            count -= 1.0;
        }
        Self { factor, vanishing: T::from_f64(count) * smallest }
    }

    /// The factor times `x`, rounded once.
    #[inline(always)]
    pub(crate) fn times(self, x: T) -> T {
        let x = if x.abs() <= self.vanishing { T::ZERO.copysign(x) } else { x };
        self.factor * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All around the places where products begin to vanish, and where numbers become subnormal.
    #[test]
    fn products_have_the_bits_of_a_multiplication() {
        let factors =
            [0.0, 1e-45, 1e-8, 1e-3, 0.1, 1.0 / 3.0, 0.5, 0.7, 1.0, 1.5, 1e9, f32::INFINITY];
        for factor in factors.into_iter().flat_map(|factor| [factor, -factor]) {
            let times = Factor::new(factor);
            let edge = times.vanishing.to_bits();
            let near = |bits: u32| bits.saturating_sub(300)..bits + 300;
            for bits in near(0).chain(near(edge)).chain(near(0x80_0000)).chain(near(0x7f80_0000)) {
                for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                    let (found, plain) = (times.times(x), factor * x);
                    let same = found.to_bits() == plain.to_bits();
                    assert!(same || found.is_nan() && plain.is_nan(), "{factor} * {x}: {found}");
                }
            }
        }
    }

    #[test]
    fn nothing_more_vanishes_than_must() {
        for factor in [0.1_f32, 0.25, 0.3, 0.5, 1e-3] {
            let edge = Factor::new(factor).vanishing;
            assert_eq!(factor * edge, 0.0);
            assert!(factor * f32::from_bits(edge.to_bits() + 1) > 0.0, "{factor}");
        }
        for factor in [0.1_f64, 0.25, 0.3, 0.5, 1e-3] {
            let edge = Factor::new(factor).vanishing;
            assert_eq!(factor * edge, 0.0);
            assert!(factor * f64::from_bits(edge.to_bits() + 1) > 0.0, "{factor}");
        }
    }
}
