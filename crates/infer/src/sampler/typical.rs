//! Locally typical sampling ([Meister et al. 2022](https://arxiv.org/abs/2202.00666)): tokens that
//! say about as much as is expected here.

use super::candidates::{Candidates, by_rank, weight};

/// Keeps the fewest tokens whose probabilities sum to at least `p`, those first whose surprise
/// −ln pₜ is nearest to its mean, the entropy H = −Σ pₜ ln pₜ; all if `p` is 1. At least one stays.
pub(super) fn keep(candidates: &mut Candidates, p: f32) {
    if p >= 1.0 {
        return;
    }
    // ln pₜ = lₜ − ln Σ exp l, so the logarithm drops out: −ln pₜ − H = mean(l) − lₜ.
    let total: f64 = candidates.list.iter().map(weight).sum();
    let mean: f64 = candidates
        .list
        .iter()
        .map(|candidate| match weight(candidate) {
            // A token that cannot come adds nothing; −∞ · 0 would be NaN.
            0.0 => 0.0,
            weight => weight * f64::from(candidate.logit),
        })
        .sum::<f64>()
        / total;
    let distance = |logit: f32| (mean - f64::from(logit)).abs();
    candidates.list.sort_unstable_by(|a, b| {
        distance(a.logit).total_cmp(&distance(b.logit)).then(by_rank(a, b))
    });
    let mark = f64::from(p) * total;
    let mut sum = 0.0;
    let reached = candidates.list.iter().position(|candidate| {
        sum += weight(candidate);
        sum >= mark
    });
    candidates.list.truncate(reached.map_or(candidates.list.len(), |last| last + 1));
    candidates.list.sort_unstable_by(by_rank);
    candidates.ranked = true;
    candidates.rebase();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(probabilities: &[f32], p: f32) -> Vec<u32> {
        let logits: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
        let maximum = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut candidates = Candidates::new(&logits, maximum);
        keep(&mut candidates, p);
        candidates.list.iter().map(|c| c.id).collect()
    }

    #[test]
    fn the_most_typical_stay() {
        // Surprises 0.92, 1.61, 1.61, 1.61 nats, entropy 1.33: the rarer three are nearer.
        let list = [0.4, 0.2, 0.2, 0.2];
        assert_eq!(kept(&list, 0.1), [1]);
        assert_eq!(kept(&list, 0.5), [1, 2, 3]);
        assert_eq!(kept(&list, 0.7), [0, 1, 2, 3]);
        assert_eq!(kept(&list, 1.0), [0, 1, 2, 3]);
        // Surprises 0.11, 3.0, 3.0; entropy 0.40.
        assert_eq!(kept(&[0.9, 0.05, 0.05], 0.5), [0]);
        assert_eq!(kept(&[1.0, 0.0, 0.0], 0.99), [0]);
    }
}
