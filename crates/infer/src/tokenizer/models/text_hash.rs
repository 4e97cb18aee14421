//! Hashes of all parts of a text, each in constant time.
//!
//! A polynomial hash ([Karp and Rabin 1987](https://doi.org/10.1147/rd.312.0249)) modulo the prime
//! 2^61 - 1. The base is drawn anew in each process, so that no file can be made whose texts
//! collide; a hash only says where it is worth looking, never what is there.

use std::hash::{BuildHasher, RandomState};

/// The modulus, a Mersenne prime.
const P: u64 = (1 << 61) - 1;

/// Hashes texts.
pub(super) struct TextHasher {
    base: u64,
}

/// The hashes of the beginnings of a text.
pub(super) struct TextHashes {
    /// The hash of the first i bytes.
    beginnings: Vec<u64>,
    /// The base to the power of i.
    powers: Vec<u64>,
}

impl TextHasher {
    pub(super) fn new() -> Self {
        // At least 256, so that a byte never wraps around.
        TextHasher { base: 256 + RandomState::new().hash_one(0u8) % (P - 256) }
    }

    pub(super) fn whole(&self, text: &str) -> u64 {
        text.bytes().fold(0, |hash, byte| self.next(hash, byte))
    }

    pub(super) fn parts(&self, text: &str) -> TextHashes {
        let mut hashes = TextHashes { beginnings: vec![0], powers: vec![1] };
        for (i, byte) in text.bytes().enumerate() {
            hashes.beginnings.push(self.next(hashes.beginnings[i], byte));
            hashes.powers.push(product(hashes.powers[i], self.base));
        }
        hashes
    }

    fn next(&self, hash: u64, byte: u8) -> u64 {
        // One more than the byte, so that zero bytes at the beginning count.
        (product(hash, self.base) + u64::from(byte) + 1) % P
    }
}

impl TextHashes {
    /// The hash of the first `cut` bytes.
    pub(super) fn before(&self, cut: usize) -> u64 {
        self.beginnings[cut]
    }

    /// The hash of what follows them.
    pub(super) fn after(&self, cut: usize) -> u64 {
        let length = self.beginnings.len() - 1;
        let taken = product(self.beginnings[cut], self.powers[length - cut]);
        (self.beginnings[length] + P - taken) % P
    }
}

fn product(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(P)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hash_as_texts_do() {
        let hasher = TextHasher::new();
        let text = "a\0bc▁d";
        let parts = hasher.parts(text);
        for cut in 0..=text.len() {
            let bytes = |range: std::ops::Range<usize>| {
                text.as_bytes()[range].iter().fold(0, |hash, &byte| hasher.next(hash, byte))
            };
            assert_eq!(parts.before(cut), bytes(0..cut));
            assert_eq!(parts.after(cut), bytes(cut..text.len()));
        }
        assert_eq!(parts.before(text.len()), hasher.whole(text));
        assert_ne!(hasher.whole("\0a"), hasher.whole("a"));
    }
}
