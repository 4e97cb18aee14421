//! Top-p, or nucleus sampling ([Holtzman et al. 2019](https://arxiv.org/abs/1904.09751)).

use super::candidates::{Candidates, weight};

/// How many tokens are ranked at first. Ranking a whole vocabulary costs more than the matrix
/// products of a small model; a nucleus of more than 64 tokens is rare, and then the number grows
/// fourfold until it holds the nucleus.
const FIRST_RANKED: usize = 64;

/// Keeps the fewest best tokens whose probabilities sum to at least `p`; all if `p` is 1. At
/// least one stays.
pub(super) fn keep(candidates: &mut Candidates, p: f32) {
    if p >= 1.0 {
        return;
    }
    let total: f64 = candidates.list.iter().map(weight).sum();
    let mark = f64::from(p) * total;
    let mut ranked = FIRST_RANKED;
    loop {
        let n = candidates.rank_first(ranked);
        let mut sum = 0.0;
        for i in 0..n {
            sum += weight(&candidates.list[i]);
            if sum >= mark {
                candidates.keep_ranked(i + 1);
                return;
            }
        }
        if n == candidates.list.len() {
            candidates.keep_ranked(n);
            return;
        }
        ranked *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(p: f32) -> Vec<u32> {
        // Probabilities 0.1, 0.4, 0.2, 0.3.
        let logits = [0.1f32, 0.4, 0.2, 0.3].map(f32::ln);
        let mut candidates = Candidates::new(&logits, logits[1]);
        keep(&mut candidates, p);
        candidates.list.iter().map(|c| c.id).collect()
    }

    #[test]
    fn keeps_the_smallest_set_that_reaches_p() {
        assert_eq!(kept(1e-9), [1]);
        assert_eq!(kept(0.39), [1]);
        assert_eq!(kept(0.5), [1, 3]);
        assert_eq!(kept(0.75), [1, 3, 2]);
        assert_eq!(kept(0.95), [1, 3, 2, 0]);
        assert_eq!(kept(1.0), [0, 1, 2, 3]);
    }

    #[test]
    fn a_wide_nucleus_is_found_in_steps() {
        let logits = vec![0.0f32; 5000];
        let mut candidates = Candidates::new(&logits, 0.0);
        keep(&mut candidates, 0.5);
        let ids: Vec<u32> = candidates.list.iter().map(|c| c.id).collect();
        assert_eq!(ids, (0..2500).collect::<Vec<u32>>());
    }
}
