//! Formats of plain numbers, as their tiles store them: element after element, 16 rows each.

use super::panel::Lanes;
use super::tile::Layout;

/// A format whose elements stand alone.
pub(crate) trait Plain {
    /// Format and fields: the element, kept together.
    const LAYOUT: Layout;

    /// One element of each of 16 rows.
    fn line<L: Lanes>(lanes: L, bytes: &[u8]) -> L::Floats;
}

/// Numbers of 16 bits that are converted at once.
const AT_ONCE: usize = 256;

/// The numbers of little-endian codes, `convert`ed many at a time.
pub(super) fn from_codes(bytes: &[u8], out: &mut [f32], convert: impl Fn(&[u16], &mut [f32])) {
    let mut codes = [0; AT_ONCE];
    for (out, bytes) in out.chunks_mut(AT_ONCE).zip(bytes.chunks(2 * AT_ONCE)) {
        let codes = &mut codes[..out.len()];
        for (code, bytes) in codes.iter_mut().zip(bytes.as_chunks().0) {
            *code = u16::from_le_bytes(*bytes);
        }
        convert(codes, out);
    }
}

/// The inverse of [`from_codes`].
pub(super) fn to_codes(x: &[f32], bytes: &mut [u8], convert: impl Fn(&[f32], &mut [u16])) {
    let mut codes = [0; AT_ONCE];
    for (x, bytes) in x.chunks(AT_ONCE).zip(bytes.chunks_mut(2 * AT_ONCE)) {
        let codes = &mut codes[..x.len()];
        convert(x, codes);
        for (code, bytes) in codes.iter().zip(bytes.as_chunks_mut().0) {
            *bytes = code.to_le_bytes();
        }
    }
}
