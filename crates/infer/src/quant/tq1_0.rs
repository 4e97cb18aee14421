//! TQ1_0: super-blocks of 256 numbers -1, 0 or 1, five in a byte; 1.6875 bits a weight.
//!
//! ```text
//! byte 0    qs  48 bytes of five: element 32 n + i in byte i for n < 5, then 160 + 16 n + i in
//!               byte 32 + i
//! byte 48   qh  4 bytes of four: element 240 + 4 n + i in byte i
//! byte 52   d   f16
//!           x = d (digit n - 1), the digit in base 3 of the fraction byte / 256, rounded up when
//!           it was stored
//! ```

use super::format::{Format, f16_at};
use super::table::Table;
use super::tensor_type::TensorType;

pub(crate) const FORMAT: Format = Format::table::<Stored>();

/// The format as it is stored.
pub(crate) struct Stored;

impl Table for Stored {
    const TYPE: TensorType = TensorType::TQ1_0;

    fn dequantize(block: &[u8], out: &mut [f32]) {
        let d = f16_at(block, 52);
        for (i, out) in out.iter_mut().enumerate() {
            let (byte, n) = match i {
                0..160 => (i % 32, i / 32),
                160..240 => (32 + i % 16, (i - 160) / 16),
                _ => (48 + i % 4, (i - 240) / 4),
            };
            *out = d * (f32::from(digit(block[byte], n)) - 1.0);
        }
    }
}

/// Digit `n` in base 3 of byte / 256.
fn digit(byte: u8, n: usize) -> u8 {
    const POWERS: [u8; 5] = [1, 3, 9, 27, 81];
    let fraction = byte.wrapping_mul(POWERS[n]);
    ((u16::from(fraction) * 3) >> 8) as u8
}
