//! Short ways to the end of a text.

use llguidance::Matcher;

/// Bytes with which texts end soon, best first: closing marks, then what stands for a small value.
const CLOSERS: &[u8] = b"\"}])>;,:0123456789";

/// Steps of a search at most.
const MAX_STEPS: usize = 600;

/// Tokens that are tried at each place.
const BREADTH: usize = 4;

/// Finds short completions of a text.
#[derive(Debug)]
pub(super) struct Completion {
    /// Tokens of one byte, those first that are likely to end a text soon.
    bytes: Vec<u32>,
}

impl Completion {
    /// `words` are the bytes of each token.
    pub(super) fn new(words: &[Vec<u8>]) -> Self {
        let mut bytes: Vec<(usize, u8, u32)> = words
            .iter()
            .zip(0u32..)
            .filter_map(|(word, id)| match word[..] {
                [byte] => {
                    let rank = CLOSERS.iter().position(|&closer| closer == byte);
                    // White space leads nowhere.
                    let last = if byte.is_ascii_whitespace() { 2 } else { 1 };
                    Some((rank.unwrap_or(CLOSERS.len() * last), byte, id))
                }
                _ => None,
            })
            .collect();
        bytes.sort_unstable();
        // A vocabulary may have a byte twice.
        bytes.dedup_by_key(|&mut (_, byte, _)| byte);
        Completion { bytes: bytes.into_iter().map(|(_, _, id)| id).collect() }
    }

    /// Tokens that complete the text, at most `limit`: of few ways that are tried a short one. None
    /// if none of them leads to an end.
    pub(super) fn shortest(&self, matcher: &Matcher, limit: usize) -> Option<Vec<u32>> {
        // A little breadth at small depths, then straight on: a text that repeats something as long
        // as it may ends soon or at the limit; one that has much to say yet goes the second way.
        for (depth, max_steps) in [(1, 8), (4, 60), (16, 120), (usize::MAX, MAX_STEPS)] {
            let (mut path, mut steps) = (Vec::new(), MAX_STEPS - max_steps);
            if self.search(&mut matcher.clone(), depth.min(limit), &mut path, &mut steps) {
                return Some(path);
            }
            if depth >= limit {
                return None;
            }
        }
        None
    }

    /// Whether the text can be completed in `depth` tokens, which are put behind `path`. The matcher
    /// is where it was if not, unless the search was given up.
    fn search(
        &self,
        matcher: &mut Matcher,
        depth: usize,
        path: &mut Vec<u32>,
        steps: &mut usize,
    ) -> bool {
        if matcher.is_accepting().unwrap_or(false) {
            return true;
        }
        if depth == 0 || matcher.is_stopped() {
            return false;
        }
        let Ok(mask) = matcher.compute_mask() else { return false };
        let allowed = self.bytes.iter().filter(|&&token| mask.is_allowed(token));
        for &token in allowed.take(BREADTH) {
            *steps += 1;
            if *steps > MAX_STEPS || matcher.consume_token(token).is_err() {
                return false;
            }
            path.push(token);
            if self.search(matcher, depth - 1, path, steps) {
                return true;
            }
            path.pop();
            if matcher.rollback(1).is_err() {
                return false;
            }
        }
        false
    }
}
