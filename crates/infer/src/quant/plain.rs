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
