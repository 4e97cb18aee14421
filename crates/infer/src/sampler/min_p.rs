//! Min-p ([Nguyen et al. 2024](https://arxiv.org/abs/2407.01082)): a threshold that follows the
//! best token.

use super::candidates::{Candidates, weight};

/// Keeps the tokens that are at least `p` times as probable as the best; all if `p` is 0.
pub(super) fn keep(candidates: &mut Candidates, p: f32) {
    if p > 0.0 {
        // Weights are relative to the best token's, which has 1 and so always stays.
        candidates.list.retain(|candidate| weight(candidate) >= f64::from(p));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_near_the_best() {
        let logits = [0.4f32, 0.1, 0.2, 0.3].map(f32::ln);
        let mut candidates = Candidates::new(&logits, logits[0]);
        keep(&mut candidates, 0.0);
        assert_eq!(candidates.list.len(), 4);
        keep(&mut candidates, 0.45);
        assert_eq!(candidates.list.iter().map(|c| c.id).collect::<Vec<_>>(), [0, 2, 3]);
        keep(&mut candidates, 1.0);
        assert_eq!(candidates.list.len(), 1);
    }
}
