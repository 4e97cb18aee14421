//! XTC ("exclude top choices"): takes the beaten track away
//! ([p-e-w 2024](https://github.com/oobabooga/text-generation-webui/pull/6335)).

use super::candidates::{Candidates, weight};
use super::range::check_range;
use crate::error::InferError;

/// With probability `probability`, leaves out all tokens at least as probable as `threshold`
/// except the least probable of them. If fewer than two are, nothing happens: so the text stays
/// sensible wherever only one token is.
///
/// # Examples
///
/// ```
/// use ulp_infer::{SamplerParams, Xtc};
///
/// let xtc = Some(Xtc { probability: 1.0, threshold: 0.2 });
/// let params = SamplerParams { temperature: 1.0, xtc, ..SamplerParams::greedy() };
/// // Probabilities 0.5, 0.3, 0.1, 0.1: of the two above 0.2 only the second stays.
/// let logits = [5f32, 3.0, 1.0, 1.0].map(f32::ln);
/// for position in 0..20 {
///     assert_ne!(params.sample(&logits, 0, position)?, 0);
/// }
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xtc {
    /// How often top choices are left out, in [0, 1].
    pub probability: f32,
    /// From which probability on a token is a top choice, in [0, 1]. Above 0.5 there cannot be two.
    pub threshold: f32,
}

impl Xtc {
    pub(super) fn validate(&self) -> Result<(), InferError> {
        check_range("xtc_probability", self.probability, 0.0..=1.0, "between 0 and 1")?;
        check_range("xtc_threshold", self.threshold, 0.0..=1.0, "between 0 and 1")
    }

    /// Leaves out the top choices, if `uniform` (in [0, 1)) says so.
    pub(super) fn keep(&self, candidates: &mut Candidates, uniform: f64) {
        if uniform >= f64::from(self.probability) {
            return;
        }
        let total: f64 = candidates.list.iter().map(weight).sum();
        let mark = f64::from(self.threshold) * total;
        // No more than this many can be above the threshold, however it is rounded.
        let most = (1.0 / f64::from(self.threshold)).min(candidates.list.len() as f64) as usize + 1;
        let ranked = candidates.rank_first(most);
        let is_top = |weight: f64| weight >= mark && weight > 0.0;
        let first = candidates.list[..ranked].iter();
        let top = first.take_while(|candidate| is_top(weight(candidate))).count();
        if top >= 2 {
            candidates.list.drain(..top - 1);
            candidates.rebase();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(threshold: f32, uniform: f64) -> Vec<u32> {
        // Probabilities 0.1, 0.4, 0.2, 0.3.
        let logits = [0.1f32, 0.4, 0.2, 0.3].map(f32::ln);
        let mut candidates = Candidates::new(&logits, logits[1]);
        Xtc { probability: 0.5, threshold }.keep(&mut candidates, uniform);
        let mut ids: Vec<u32> = candidates.list.iter().map(|c| c.id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn all_top_choices_but_the_last_go() {
        assert_eq!(kept(0.15, 0.4), [0, 2]);
        assert_eq!(kept(0.25, 0.4), [0, 2, 3]);
        assert_eq!(kept(0.35, 0.4), [0, 1, 2, 3]); // one alone stays
        assert_eq!(kept(0.15, 0.5), [0, 1, 2, 3]); // not this time
        assert_eq!(kept(0.0, 0.0), [0]);
        assert_eq!(kept(1.0, 0.0), [0, 1, 2, 3]);
    }
}
