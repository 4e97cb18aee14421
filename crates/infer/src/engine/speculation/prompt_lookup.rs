//! Guesses from what a sequence said before.

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
        let found = (0..before.len()).rev().find(|&start| &tokens[start..start + len] == last);
        if let Some(start) = found {
            let follows = &tokens[start + len..];
            return follows[..n.min(follows.len())].to_vec();
        }
    }
    Vec::new()
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
}
