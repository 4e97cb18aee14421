//! Random names and seeds.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// 64 random bits. The standard library draws the keys of its hash maps from the operating system;
/// these bits are made of such keys. Good for names and seeds, not for secrets.
pub(crate) fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A name that no other answer has: the prefix and 24 hexadecimal digits.
pub(crate) fn random_name(prefix: &str) -> String {
    format!("{prefix}{:016x}{:08x}", random_u64(), random_u64() >> 32)
}

/// A seed that every JSON reader keeps.
pub(crate) fn random_seed() -> u64 {
    random_u64() >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let names: std::collections::BTreeSet<String> =
            (0..100).map(|_| random_name("chatcmpl-")).collect();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|name| name.len() == "chatcmpl-".len() + 24));
    }
}
