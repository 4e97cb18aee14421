//! Mirostat 2 ([Basu et al. 2020](https://arxiv.org/abs/2007.14966)): holds the surprise of the text
//! at a level.

use ulp_tensor::Float;

use super::candidates::{Candidates, weight};
use super::range::check_range;
use crate::error::InferError;

/// Chooses among the tokens whose surprise, −log₂ p in bits, is at most a limit μ, and moves the
/// limit after each token by how much its surprise S (among those tokens) misses the aim:
///
/// ```text
/// μ ← μ − rate · (S − surprise),   at first μ = 2 · surprise
/// ```
///
/// It takes the place of top-k, top-p, min-p, typical and XTC; temperature comes before it. The
/// limit is part of a sequence's [`SamplerState`](crate::SamplerState).
///
/// # Examples
///
/// ```
/// use ulp_infer::{Mirostat, SamplerParams, SamplerState};
///
/// let mirostat = Some(Mirostat { surprise: 0.5, rate: 0.1 });
/// let params = SamplerParams { temperature: 1.0, mirostat, ..SamplerParams::greedy() };
/// // Surprises of 0.42 and 2 bits: at first only the best is below 2 · 0.5.
/// let logits = [3f32, 1.0].map(f32::ln);
/// let mut state = SamplerState::default();
/// assert_eq!(params.sample_after(&logits, &[], &mut state, 0, 0)?, 0);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mirostat {
    /// The surprise to aim at, in bits a token (τ in the paper); 5 is usual.
    pub surprise: f32,
    /// How fast the limit follows (η in the paper); 0.1 is usual.
    pub rate: f32,
}

impl Mirostat {
    pub(super) fn validate(&self) -> Result<(), InferError> {
        check_range("mirostat_surprise", self.surprise, 0.0..=1000.0, "between 0 and 1000")?;
        check_range("mirostat_rate", self.rate, 0.0..=1.0, "between 0 and 1")
    }

    /// Keeps what is below the limit, at least the best token.
    pub(super) fn keep(&self, candidates: &mut Candidates, limit: Option<f64>) {
        let limit = self.limit(limit);
        let total: f64 = candidates.list.iter().map(weight).sum();
        // The best has weight 1: it stays wherever another does.
        let best = candidates.rank_first(1);
        let first = candidates.list[..best].to_vec();
        candidates.list.retain(|candidate| bits(weight(candidate) / total) <= limit);
        if candidates.list.is_empty() {
            candidates.list = first;
        }
    }

    /// The limit after `token` was chosen of what was kept.
    pub(super) fn next(&self, candidates: &Candidates, token: u32, limit: Option<f64>) -> f64 {
        let total: f64 = candidates.list.iter().map(weight).sum();
        let chosen = candidates.list.iter().find(|candidate| candidate.id == token);
        let surprise = chosen.map_or(0.0, |chosen| bits(weight(chosen) / total));
        self.limit(limit) - f64::from(self.rate) * (surprise - f64::from(self.surprise))
    }

    fn limit(&self, limit: Option<f64>) -> f64 {
        limit.unwrap_or(2.0 * f64::from(self.surprise))
    }
}

/// −log₂ p.
fn bits(p: f64) -> f64 {
    -Float::log(p) * std::f64::consts::LOG2_E
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_cuts_and_moves() {
        // Probabilities 1/2, 1/4, 1/8, 1/8.
        let logits = [4f32, 2.0, 1.0, 1.0].map(f32::ln);
        let fresh = || Candidates::new(&logits, logits[0]);
        let mirostat = Mirostat { surprise: 1.05, rate: 0.5 };
        let mut candidates = fresh();
        mirostat.keep(&mut candidates, None); // 2.1 bits
        assert_eq!(candidates.list.iter().map(|c| c.id).collect::<Vec<_>>(), [0, 1]);
        // Of the two the second has a third: log₂ 3 bits.
        let next = mirostat.next(&candidates, 1, None);
        assert!((next - (2.1 - 0.5 * (3f64.log2() - 1.05))).abs() < 1e-6, "{next}");
        // Nothing is below a limit of 0: the best stays.
        let mut candidates = fresh();
        mirostat.keep(&mut candidates, Some(0.0));
        assert_eq!(candidates.list.len(), 1);
    }
}
