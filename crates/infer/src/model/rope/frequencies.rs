//! The frequencies of a rotary embedding, computed once.

use super::Rope;
use crate::kv_cache::RopeFactors;

/// How fast each pair of a head turns, `[D/2]`, below the context from which on it depends on the
/// position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frequencies {
    short: Vec<f32>,
    /// Of long sequences, where they are others.
    long: Option<Vec<f32>>,
}

impl Frequencies {
    pub(crate) fn new(rope: &Rope) -> Self {
        let long = rope.short_up_to().map(|_| rope.frequencies(RopeFactors::Long));
        Frequencies { short: rope.frequencies(RopeFactors::Short), long }
    }

    /// Those of sequences with these factors.
    pub(super) fn of(&self, factors: RopeFactors) -> &[f32] {
        match (factors, &self.long) {
            (RopeFactors::Long, Some(long)) => long,
            _ => &self.short,
        }
    }
}
