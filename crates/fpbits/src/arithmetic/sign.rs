//! Operations on the sign bit alone. They signal nothing, and leave NaN payloads as they are.

use crate::Format;

impl Format {
    /// a with the other sign. Where zero has one code, its negation is itself; without a sign bit,
    /// everything is its own negation but what is below the range is not representable: see
    /// [`Format::subtract`] for a result that says so.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY16.negate(0x3c00), 0xbc00);
    /// assert_eq!(Format::E4M3FNUZ.negate(0x00), 0x00);
    /// assert_eq!(Format::E4M3FNUZ.negate(0x80), 0x80); // NaN
    /// ```
    pub const fn negate(&self, a: u64) -> u64 {
        self.with_sign(a, a & self.sign_mask() == 0)
    }

    /// a without its sign.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E4M3FN.abs(0xb8), 0x38);
    /// ```
    pub const fn abs(&self, a: u64) -> u64 {
        self.with_sign(a, false)
    }

    /// a with the sign of b.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E4M3FN.copy_sign(0x38, 0x80), 0xb8);
    /// ```
    pub const fn copy_sign(&self, a: u64, b: u64) -> u64 {
        self.with_sign(a, b & self.sign_mask() != 0)
    }

    const fn with_sign(&self, a: u64, negative: bool) -> u64 {
        let magnitude = a & self.magnitude_mask();
        // The code of negative zero is NaN in some formats, which has no sign.
        if magnitude == 0 && self.layout().zero && !self.has_negative_zero() {
            return a & (self.sign_mask() | self.magnitude_mask());
        }
        self.signed(negative, magnitude)
    }
}
