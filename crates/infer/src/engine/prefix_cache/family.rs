//! What keys and values depend on beside the tokens.

use crate::kv_cache::RopeFactors;

/// Sequences of one family share blocks where they begin with the same tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::engine) struct Family {
    /// The number of the adapter.
    pub(in crate::engine) adapter: Option<u32>,
    pub(in crate::engine) factors: RopeFactors,
}
