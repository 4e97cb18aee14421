//! The tokens that are still in the running.

use std::cmp::Ordering;

use ulp_tensor::Float;

/// A token and its logit, relative to the best one (so 0 at most).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) id: u32,
    pub(super) logit: f32,
}

/// Best first; of equals the lower id first.
pub(super) fn by_rank(a: &Candidate, b: &Candidate) -> Ordering {
    b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id))
}

/// The tokens that are still in the running, in an order that depends only on the logits and the
/// parameters: by id until a filter has to rank them, by rank from then on.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) list: Vec<Candidate>,
    pub(super) ranked: bool,
}

impl Candidates {
    /// All tokens, with `maximum` (the best logit) taken off each.
    pub(super) fn new(logits: &[f32], maximum: f32) -> Self {
        let list = logits
            .iter()
            .enumerate()
            .map(|(id, &logit)| Candidate { id: id as u32, logit: logit - maximum })
            .collect();
        Candidates { list, ranked: false }
    }

    /// Puts the `n` best first, in order, and says how many that are. The rest follow in no
    /// particular order, unless everything is ranked already.
    pub(super) fn rank_first(&mut self, n: usize) -> usize {
        let n = n.min(self.list.len());
        if !self.ranked {
            if n < self.list.len() {
                self.list.select_nth_unstable_by(n, by_rank);
            }
            self.list[..n].sort_unstable_by(by_rank);
        }
        n
    }

    /// Keeps the first `n`, which are ranked.
    pub(super) fn keep_ranked(&mut self, n: usize) {
        self.list.truncate(n);
        self.ranked = true;
    }

    /// Makes logits relative to the first, which is the best that is left: a filter may have taken
    /// out the one they were relative to.
    pub(super) fn rebase(&mut self) {
        let Some(best) = self.list.first().map(|first| first.logit) else { return };
        for candidate in &mut self.list {
            candidate.logit -= best;
        }
    }

    /// The token at which the running sum of probabilities passes `uniform` (in [0, 1)) of the
    /// whole. Sums are in f64, so that even the last of 2^17 tokens gets its share.
    pub(super) fn draw(&self, uniform: f64) -> u32 {
        let total: f64 = self.list.iter().map(weight).sum();
        let mark = uniform * total;
        let mut sum = 0.0;
        let mut last = self.list[0].id;
        for candidate in &self.list {
            let weight = weight(candidate);
            if weight == 0.0 {
                continue;
            }
            sum += weight;
            last = candidate.id;
            if sum > mark {
                break;
            }
        }
        last
    }
}

/// The probability of a candidate, relative to the best one's.
pub(super) fn weight(candidate: &Candidate) -> f64 {
    Float::exp(f64::from(candidate.logit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranking_breaks_ties_by_id() {
        let mut candidates = Candidates::new(&[1.0, 3.0, 3.0, 2.0, 3.0], 3.0);
        let n = candidates.rank_first(4);
        let ids: Vec<u32> = candidates.list[..n].iter().map(|c| c.id).collect();
        assert_eq!(ids, [1, 2, 4, 3]);
    }

    #[test]
    fn drawing_follows_the_probabilities() {
        // ln 1, ln 2, ln 1: a quarter, a half, a quarter.
        let candidates = Candidates::new(&[0.0, 2f32.ln(), 0.0], 2f32.ln());
        for (uniform, id) in [(0.0, 0), (0.24, 0), (0.26, 1), (0.74, 1), (0.76, 2), (0.9999, 2)] {
            assert_eq!(candidates.draw(uniform), id, "{uniform}");
        }
    }

    #[test]
    fn impossible_tokens_are_never_drawn() {
        let candidates = Candidates::new(&[f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY], 0.0);
        assert_eq!(candidates.draw(0.0), 1);
        assert_eq!(candidates.draw(1.0 - f64::EPSILON), 1);
    }
}
