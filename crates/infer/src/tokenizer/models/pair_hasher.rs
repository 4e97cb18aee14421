//! A fast hash of pairs of ids.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes a pair by one multiplication with a factor drawn anew in each process, so that no file
/// can choose ids that collide. Encoding a word that was not seen before looks up a pair for each
/// of its letters; the standard library's hash takes most of that time.
#[derive(Clone, Debug)]
pub(super) struct PairHasher {
    factor: u64,
}

impl Default for PairHasher {
    fn default() -> Self {
        // Odd, so that no bit of the pair is lost.
        PairHasher { factor: RandomState::new().hash_one(0u8) | 1 }
    }
}

/// The hash of one pair.
pub(super) struct PairHash {
    factor: u64,
    hash: u64,
}

impl BuildHasher for PairHasher {
    type Hasher = PairHash;

    fn build_hasher(&self) -> PairHash {
        PairHash { factor: self.factor, hash: 0 }
    }
}

impl Hasher for PairHash {
    fn finish(&self) -> u64 {
        self.hash
    }

    fn write_u64(&mut self, pair: u64) {
        // The upper half of the product depends on all bits of the pair, the lower half does not.
        let product = u128::from(pair ^ self.factor) * u128::from(self.factor);
        self.hash = (product >> 64) as u64 ^ product as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.hash ^ u64::from(byte));
        }
    }
}
