//! Which of two sets of factors a sequence's keys are turned with.

/// The set of factors of a sequence in a model with
/// [LongRoPE](https://arxiv.org/abs/2402.13753): its keys were turned with one of two, and those of
/// the one are of no use beside queries turned with the other.
///
/// [`Model::rope_factors`](crate::Model::rope_factors) says which of them a sequence of some length
/// takes. Models without LongRoPE have one kind of keys, `Short`.
///
/// # Examples
///
/// ```
/// use ulp_infer::{CacheShape, KvCache, RopeFactors};
///
/// let shape = CacheShape { layers: 2, kv_heads: 1, head_dim: 8 };
/// let mut cache = KvCache::new(shape, 256);
/// let sequence = cache.open_with(RopeFactors::Long);
/// let fork = cache.fork(sequence, 0);
/// assert_eq!(cache.rope_factors(fork), RopeFactors::Long);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RopeFactors {
    /// For sequences up to the length that the model was first trained for.
    #[default]
    Short,
    /// For longer ones.
    Long,
}

impl RopeFactors {
    /// Those of a sequence of `len` positions in a model whose long factors begin after
    /// `short_context`.
    pub(crate) fn of(len: usize, short_context: usize) -> Self {
        if len > short_context { RopeFactors::Long } else { RopeFactors::Short }
    }
}
