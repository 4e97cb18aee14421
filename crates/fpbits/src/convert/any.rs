//! Between any two formats, by way of the exact value. The oracle of the fast conversions.

use crate::Format;

impl Format {
    /// The code in `to` of the value nearest to that of `code` in this format, ties to even.
    ///
    /// A NaN keeps its sign and as much of its payload as fits, and becomes quiet.
    ///
    /// # Accuracy
    /// Correctly rounded (at most 0.5 ulp of `to`) for every pair of formats.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let pi = std::f64::consts::PI.to_bits();
    /// assert_eq!(Format::BINARY64.convert(pi, &Format::BFLOAT16), 0x4049);
    /// ```
    pub const fn convert(&self, code: u64, to: &Format) -> u64 {
        to.encode(&self.decode(code))
    }
}
