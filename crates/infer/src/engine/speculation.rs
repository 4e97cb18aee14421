//! Guesses of the tokens to come, verified in one pass ([Leviathan et al.
//! 2023](https://arxiv.org/abs/2211.17192)).
//!
//! A pass over several tokens costs little more than over one, since the weights are read once. So
//! tokens are guessed and put through the model behind the last known one; each that the sampler
//! would have chosen itself is kept, up to the first that it would not.
//!
//! The random number of a token belongs to its place in the sequence, so the tokens are the very
//! ones that come without guessing, drawn ones too: nothing but the speed depends on the guesses.

/// The longest run of last tokens that is looked for.
const MAX_MATCH: usize = 4;

/// Guesses up to `n` tokens that follow `tokens`: those that followed the last few tokens where
/// they stood before ([prompt lookup](https://github.com/apoorvumang/prompt-lookup-decoding)). The
/// longest match counts, the latest of equals. A single token is too weak a sign.
pub(super) fn look_up(tokens: &[u32], n: usize) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    for len in (2..=MAX_MATCH.min(tokens.len().saturating_sub(1))).rev() {
        let (before, last) = tokens.split_at(tokens.len() - len);
        let starts = (0..before.len()).rev();
        for start in starts {
            if &tokens[start..start + len] == last {
                let follows = &tokens[start + len..];
                return follows[..n.min(follows.len())].to_vec();
            }
        }
    }
    Vec::new()
}

/// How a sequence's guesses have fared, which decides how far the next one goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Acceptance {
    pub(super) drafted: usize,
    pub(super) accepted: usize,
    /// Tokens of the next guess; doubled when a guess was right in full, halved when it was not.
    reach: Option<usize>,
}

/// Tokens of a first guess.
const FIRST: usize = 4;

impl Acceptance {
    /// How many tokens to guess, of `max` that are allowed.
    pub(super) fn draft(&self, max: usize) -> usize {
        self.reach.unwrap_or(FIRST).min(max)
    }

    /// Takes down that of `drafted` guesses `accepted` were right.
    pub(super) fn record(&mut self, drafted: usize, accepted: usize) {
        if drafted == 0 {
            return;
        }
        self.drafted += drafted;
        self.accepted += accepted;
        let reach = self.reach.unwrap_or(FIRST);
        let next = if accepted == drafted { 2 * reach } else { reach.div_ceil(2) };
        self.reach = Some(next.clamp(1, 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_before_is_guessed() {
        let tokens = [1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 1, 2, 3];
        assert_eq!(look_up(&tokens, 2), [4, 5], "three tokens match at the beginning");
        assert_eq!(look_up(&tokens[3..], 9), [7, 8, 1, 2, 3], "two match, later");
        assert_eq!(look_up(&tokens, 0), [0; 0]);
        assert_eq!(look_up(&[1, 2, 3], 5), [0; 0]);
        assert_eq!(look_up(&[1], 5), [0; 0]);
        assert_eq!(look_up(&[4, 4, 4], 5), [4], "a run goes on");
    }

    #[test]
    fn guesses_grow_with_success() {
        let mut acceptance = Acceptance::default();
        assert_eq!((acceptance.draft(8), acceptance.draft(2)), (4, 2));
        acceptance.record(4, 4);
        assert_eq!(acceptance.draft(16), 8);
        acceptance.record(8, 1);
        acceptance.record(4, 0);
        assert_eq!((acceptance.draft(16), acceptance.drafted, acceptance.accepted), (2, 16, 5));
    }
}
