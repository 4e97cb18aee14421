//! The number formats of a cache.

use std::fmt;
use std::str::FromStr;

/// How a [`KvCache`](super::KvCache) stores keys and values.
///
/// A number is rounded once, when it is written. Attention widens what it reads to f32, which is
/// exact, and computes in f32 as ever; so for each type, too, a result depends on the sequence
/// alone.
///
/// # Accuracy
///
/// Relative to each number for f16; relative to the largest magnitude of its 32 for q8_0: 1/254
/// of it, and the scale's own 2^-11.
///
/// # Examples
///
/// ```
/// use ulp_infer::{CacheShape, CacheType, KvCache};
///
/// let shape = CacheShape { layers: 22, kv_heads: 4, head_dim: 64 }; // TinyLlama's
/// let bytes = |name: &str| -> Result<usize, ulp_infer::UnknownCacheType> {
///     Ok(KvCache::bytes_per_position(shape, name.parse()?))
/// };
/// assert_eq!((bytes("f32")?, bytes("f16")?, bytes("q8_0")?), (45_056, 22_528, 11_968));
/// # Ok::<(), ulp_infer::UnknownCacheType>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheType {
    /// The very bits that were computed.
    #[default]
    F32,
    /// IEEE binary16, rounded to nearest, ties to even. Magnitudes from 65520 up become infinite.
    F16,
    /// Signed bytes with one f16 scale for each 32 numbers of a head (for the rest, where a head's
    /// width is no multiple), as in the weight format of this name; 8.5 bits a number.
    Q8_0,
}

impl CacheType {
    /// Every type, the widest first.
    pub const ALL: [CacheType; 3] = [CacheType::F32, CacheType::F16, CacheType::Q8_0];

    /// Its name: `f32`, `f16` or `q8_0`.
    pub const fn name(self) -> &'static str {
        match self {
            CacheType::F32 => "f32",
            CacheType::F16 => "f16",
            CacheType::Q8_0 => "q8_0",
        }
    }
}

impl fmt::Display for CacheType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no type of a cache bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCacheType(pub String);

impl fmt::Display for UnknownCacheType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CacheType::ALL.map(CacheType::name).join(", ");
        write!(f, "no type of a cache is called {:?}; the types are {names}", self.0)
    }
}

impl std::error::Error for UnknownCacheType {}

impl FromStr for CacheType {
    type Err = UnknownCacheType;

    /// Accepts the names in either case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = CacheType::ALL.into_iter().find(|ty| ty.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownCacheType(name.to_string()))
    }
}
