//! Penalties for tokens that came before.

use std::collections::BTreeMap;

use super::range::check_range;
use crate::error::InferError;

/// Makes tokens less likely that are among the last `window` of a sequence, its prompt included.
///
/// With cₜ the number of times that token t is among them, each t with cₜ > 0 gets
///
/// ```text
/// lₜ ← lₜ / repeat   if lₜ > 0
/// lₜ ← lₜ · repeat   otherwise
/// lₜ ← lₜ − cₜ · frequency − presence
/// ```
///
/// The first is the repetition penalty of [CTRL](https://arxiv.org/abs/1909.05858) (Keskar et al.
/// 2019), the others are those of the OpenAI API. The order and the window are llama.cpp's.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Penalties, SamplerParams, SamplerState};
///
/// let penalties = Penalties { repeat: 2.0, ..Penalties::default() };
/// let params = SamplerParams { penalties, ..SamplerParams::greedy() };
/// let logits = [3.0, 2.0, 1.0];
/// let mut state = SamplerState::default();
/// assert_eq!(params.sample_after(&logits, &[7, 0], &mut state, 0, 2)?, 1); // 3 / 2 is below 2
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Penalties {
    /// The factor of the repetition penalty; 1 is none.
    pub repeat: f32,
    /// Taken off once for each time; 0 is none. Below 0 it rewards.
    pub frequency: f32,
    /// Taken off once; 0 is none. Below 0 it rewards.
    pub presence: f32,
    /// How many of the last tokens count; `usize::MAX` is all.
    pub window: usize,
}

impl Default for Penalties {
    /// None, over the last 64 tokens.
    fn default() -> Self {
        Penalties { repeat: 1.0, frequency: 0.0, presence: 0.0, window: 64 }
    }
}

impl Penalties {
    /// True if no logit would change.
    pub(super) fn is_none(&self) -> bool {
        (self.repeat == 1.0 && self.frequency == 0.0 && self.presence == 0.0) || self.window == 0
    }

    pub(super) fn validate(&self) -> Result<(), InferError> {
        let (factor, any) = ("between 0.01 and 100", "between -100 and 100");
        check_range("repeat_penalty", self.repeat, 0.01..=100.0, factor)?;
        check_range("frequency_penalty", self.frequency, -100.0..=100.0, any)?;
        check_range("presence_penalty", self.presence, -100.0..=100.0, any)
    }

    /// Changes the logits of the tokens in the window; those without a logit are passed over.
    pub(super) fn apply(&self, logits: &mut [f32], history: &[u32]) {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        for &token in &history[history.len().saturating_sub(self.window)..] {
            *counts.entry(token).or_default() += 1.0;
        }
        for (token, count) in counts {
            let Some(logit) = logits.get_mut(token as usize) else { continue };
            *logit = if *logit > 0.0 { *logit / self.repeat } else { *logit * self.repeat };
            *logit -= count * self.frequency + self.presence;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_penalty_by_hand() {
        let penalties = Penalties { repeat: 2.0, frequency: 0.25, presence: 0.5, window: 4 };
        let mut logits = [4.0, -1.0, 3.0, 5.0];
        // 3 is outside the window, 9 has no logit, 0 comes twice.
        penalties.apply(&mut logits, &[3, 0, 9, 1, 0]);
        assert_eq!(logits, [2.0 - 0.5 - 0.5, -2.0 - 0.25 - 0.5, 3.0, 5.0]);
        assert!(Penalties::default().is_none());
        assert!(Penalties { window: 0, ..penalties }.is_none());
    }
}
