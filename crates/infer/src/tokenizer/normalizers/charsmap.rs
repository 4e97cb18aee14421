//! SentencePiece's table of replacements.
//!
//! The table is a double-array trie of the texts to replace, followed by the replacements, each
//! ended by a zero byte. A unit of the trie packs a label, the offset of its children and whether
//! one of them is a leaf, as [Darts-clone](https://github.com/s-yata/darts-clone) defines.

use super::super::fault::TokenizerFault;

/// The replacements that a SentencePiece model makes before anything else: at each place the
/// longest text that the table has.
#[derive(Clone, Debug)]
pub(crate) struct Charsmap {
    units: Vec<u32>,
    replacements: String,
    longest_replacement: usize,
}

impl Charsmap {
    /// Reads a table: the trie's length in bytes (little-endian), the trie, the replacements.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, TokenizerFault> {
        let too_short =
            |found| TokenizerFault::LengthMismatch { expected: bytes.len().max(4), found };
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(too_short(bytes.len()))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (trie, replacements) = rest.split_at_checked(length).ok_or(too_short(length))?;
        let (units, odd) = trie.as_chunks::<4>();
        if !odd.is_empty() {
            return Err(too_short(length));
        }
        let replacements =
            str::from_utf8(replacements).map_err(|_| TokenizerFault::NotUtf8)?.to_owned();
        let longest_replacement = replacements.split('\0').map(str::len).max().unwrap_or(0);
        Ok(Charsmap {
            longest_replacement,
            units: units.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            replacements,
        })
    }

    /// The length of the longest replacement in bytes.
    pub(super) fn longest_replacement(&self) -> usize {
        self.longest_replacement
    }

    /// The replacement of the longest text of the table that `text` begins with, and the length of
    /// that text.
    pub(crate) fn longest(&self, text: &str) -> Option<(&str, usize)> {
        let mut place = offset(*self.units.first()?);
        let mut longest = None;
        for (at, byte) in text.bytes().enumerate() {
            place ^= usize::from(byte);
            let Some(&unit) = self.units.get(place) else { break };
            // A leaf has the top bit set, so that it is no byte's label.
            if unit & 0x8000_00FF != u32::from(byte) {
                break;
            }
            place ^= offset(unit);
            if unit >> 8 & 1 == 1
                && let Some(&leaf) = self.units.get(place)
            {
                longest = Some((leaf & 0x7FFF_FFFF, at + 1));
            }
        }
        let (start, length) = longest?;
        // A table may lie: a start beyond the end or inside a character is no replacement, and
        // neither is a match that ends inside a character.
        let rest = self.replacements.get(start as usize..)?;
        let replacement = rest.split('\0').next()?;
        text.is_char_boundary(length).then_some((replacement, length))
    }
}

/// How far from a unit its children are.
const fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}
