//! Top-k: only the k best tokens ([Fan et al. 2018](https://arxiv.org/abs/1805.04833)).

use super::candidates::Candidates;

/// Keeps the `k` best; all if `k` is 0.
pub(super) fn keep(candidates: &mut Candidates, k: usize) {
    if k == 0 || k >= candidates.list.len() {
        return;
    }
    let kept = candidates.rank_first(k);
    candidates.keep_ranked(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_k_in_order() {
        let mut candidates = Candidates::new(&[1.0, 4.0, 3.0, 4.0], 4.0);
        keep(&mut candidates, 0);
        keep(&mut candidates, 9);
        assert_eq!(candidates.list.len(), 4);
        keep(&mut candidates, 3);
        assert_eq!(candidates.list.iter().map(|c| c.id).collect::<Vec<_>>(), [1, 3, 2]);
    }
}
