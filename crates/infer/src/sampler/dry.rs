//! DRY ("don't repeat yourself"): against runs of tokens that repeat word for word
//! ([p-e-w 2024](https://github.com/oobabooga/text-generation-webui/pull/5677)).

use std::collections::BTreeMap;

use super::range::check_range;
use crate::error::InferError;

/// Makes tokens less likely that would go on with a repetition.
///
/// If the last n tokens of a sequence stood in it before, and token t followed them there, then
/// drawing t would make it n + 1 in a row. For the largest such n of each token, if it is at least
/// `allowed_length`:
///
/// ```text
/// lₜ ← lₜ − multiplier · base^(n − allowed_length)
/// ```
///
/// # Examples
///
/// ```
/// use ulp_infer::{Dry, SamplerParams, SamplerState};
///
/// let dry = Dry { multiplier: 1.0, ..Dry::default() };
/// let params = SamplerParams { dry: Some(dry), ..SamplerParams::greedy() };
/// let logits = [0.0, 0.0, 0.0, 1.5, 1.0];
/// let history = [0, 1, 2, 3, 0, 1, 2]; // the run 0, 1, 2 went on with 3
/// let mut state = SamplerState::default();
/// assert_eq!(params.sample_after(&logits, &history, &mut state, 0, 7)?, 4);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dry {
    /// The penalty of the shortest repetition; 0 is none. 0.8 is usual.
    pub multiplier: f32,
    /// By how much the penalty grows with each further token.
    pub base: f32,
    /// Repetitions of fewer tokens are free.
    pub allowed_length: usize,
    /// How many of the last tokens are looked at; `usize::MAX` is all.
    pub window: usize,
    /// Tokens over which no repetition reaches, such as line ends and quotation marks.
    pub breakers: Vec<u32>,
}

impl Default for Dry {
    /// The author's values: multiplier 0.8, base 1.75, allowed length 2, all tokens, no breakers.
    fn default() -> Self {
        Dry {
            multiplier: 0.8,
            base: 1.75,
            allowed_length: 2,
            window: usize::MAX,
            breakers: Vec::new(),
        }
    }
}

impl Dry {
    pub(super) fn validate(&self) -> Result<(), InferError> {
        check_range("dry_multiplier", self.multiplier, 0.0..=100.0, "between 0 and 100")?;
        check_range("dry_base", self.base, 1.0..=100.0, "between 1 and 100")
    }

    /// Changes the logits of the tokens that would go on with a repetition.
    pub(super) fn apply(&self, logits: &mut [f32], history: &[u32]) {
        let history = &history[history.len().saturating_sub(self.window)..];
        let unbroken = history.iter().rev().take_while(|token| !self.breakers.contains(token));
        let longest = unbroken.count();
        let mut lengths: BTreeMap<u32, usize> = BTreeMap::new();
        for (place, length) in repeated_endings(history).into_iter().enumerate() {
            let entry = lengths.entry(history[place]).or_default();
            *entry = (*entry).max(length.min(longest));
        }
        for (token, length) in lengths {
            if length >= self.allowed_length.max(1)
                && let Some(logit) = logits.get_mut(token as usize)
            {
                // Beyond some hundreds the power is infinite, and the token impossible.
                let more = (length - self.allowed_length).min(i32::MAX as usize) as i32;
                *logit -= self.multiplier * power(self.base, more);
            }
        }
    }
}

/// base^n by repeated squaring: the standard library's power may differ between systems.
fn power(mut base: f32, mut n: i32) -> f32 {
    let mut result = 1.0;
    while n > 0 {
        if n % 2 == 1 {
            result *= base;
        }
        base *= base;
        n /= 2;
    }
    result
}

/// For each place, how many tokens right before it are also the last tokens of the list.
///
/// This is the Z-function (Gusfield 1997) of the list read backwards, so all lengths together take
/// linear time.
fn repeated_endings(list: &[u32]) -> Vec<usize> {
    let n = list.len();
    let back = |i: usize| list[n - 1 - i];
    // z[k]: how far the list read backwards agrees with itself from k on.
    let mut z = vec![0; n];
    let (mut left, mut right) = (0, 0);
    for k in 1..n {
        if k < right {
            z[k] = z[k - left].min(right - k);
        }
        while k + z[k] < n && back(z[k]) == back(k + z[k]) {
            z[k] += 1;
        }
        if k + z[k] > right {
            (left, right) = (k, k + z[k]);
        }
    }
    // The tokens before place i, read backwards, begin at n - i.
    (0..n).map(|place| if place == 0 { 0 } else { z[n - place] }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By comparing at every place.
    fn naive(list: &[u32]) -> Vec<usize> {
        let common = |place: usize| {
            let before = list[..place].iter().rev();
            before.zip(list.iter().rev()).take_while(|(a, b)| a == b).count()
        };
        (0..list.len()).map(common).collect()
    }

    proptest! {
        #[test]
        fn endings_as_by_comparing(list in prop::collection::vec(0u32..3, 0..40)) {
            prop_assert_eq!(repeated_endings(&list), naive(&list));
        }
    }

    #[test]
    fn penalties_grow_with_the_repetition() {
        let dry = Dry { multiplier: 1.0, base: 2.0, allowed_length: 2, ..Dry::default() };
        let apply = |dry: &Dry, history: &[u32]| {
            let mut logits = [0.0; 6];
            dry.apply(&mut logits, history);
            logits
        };
        // 1 2 3 was followed by 4 (n = 3); 3 alone by 5 (n = 1).
        let history = [1, 2, 3, 4, 3, 5, 1, 2, 3];
        assert_eq!(apply(&dry, &history), [0.0, 0.0, 0.0, 0.0, -2.0, 0.0]);
        // The window leaves only the 5, and a breaker only the 3.
        assert_eq!(apply(&Dry { window: 5, ..dry.clone() }, &history), [0.0; 6]);
        assert_eq!(apply(&Dry { breakers: vec![2], ..dry.clone() }, &history), [0.0; 6]);
        // Tokens without a logit, and a power beyond all floats.
        let long: Vec<u32> = [5; 400].into_iter().chain([9]).chain([5; 400]).collect();
        assert_eq!(apply(&dry, &long)[5], f32::NEG_INFINITY);
        assert_eq!(apply(&dry, &[]), [0.0; 6]);
    }
}
