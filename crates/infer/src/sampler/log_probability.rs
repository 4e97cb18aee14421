//! Log-probabilities of the model's own distribution, before any filter.

use ulp_tensor::Float;
use ulp_tensor::simd::{Kernel, run};

use super::candidates::{Candidate, by_rank};
use crate::error::InferError;

/// Lanes of the sum: lane j takes the terms j, j + 16, ..., then a fixed tree folds the lanes.
const LANES: usize = 16;

/// A token and the natural logarithm of its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLogProbability {
    /// The token.
    pub id: u32,
    /// ln p.
    pub logprob: f32,
}

/// The log-softmax of one row of logits: ln pᵢ = lᵢ − ln Σⱼ exp lⱼ.
///
/// # Accuracy
///
/// The sum runs in f64 over exponentials relative to the largest logit; the result is rounded to
/// f32 once. What is lost is what the logits themselves lost.
///
/// # Examples
///
/// ```
/// use ulp_infer::LogProbabilities;
///
/// let logits = [0.0, 3f32.ln()];
/// let row = LogProbabilities::new(&logits);
/// assert!((row.of(1) - 0.75f32.ln()).abs() < 1e-7);
/// assert_eq!(row.top(1)[0].id, 1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LogProbabilities<'a> {
    logits: &'a [f32],
    log_sum: f64,
}

impl<'a> LogProbabilities<'a> {
    /// Takes the normaliser of a row of logits.
    pub fn new(logits: &'a [f32]) -> Self {
        let maximum = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let maximum = f64::from(maximum);
        let sum = run(SumOfExponentials { logits, maximum });
        LogProbabilities { logits, log_sum: maximum + Float::log(sum) }
    }

    /// The same of a row that may hold anything.
    ///
    /// # Errors
    ///
    /// [`InferError::NonFiniteLogit`] if a logit is NaN or +∞.
    pub(crate) fn checked(logits: &'a [f32]) -> Result<Self, InferError> {
        match logits.iter().position(|x| x.is_nan() || *x == f32::INFINITY) {
            Some(token) => Err(InferError::NonFiniteLogit { token: token as u32 }),
            None => Ok(LogProbabilities::new(logits)),
        }
    }

    /// Writes ln p of every token.
    pub(crate) fn write(&self, out: &mut [f32]) {
        for (out, &logit) in out.iter_mut().zip(self.logits) {
            *out = self.logprob(logit);
        }
    }

    /// ln p of token `id`.
    ///
    /// # Panics
    ///
    /// If there is no such token.
    #[track_caller]
    pub fn of(&self, id: u32) -> f32 {
        self.logprob(self.logits[id as usize])
    }

    /// The `n` most probable tokens, best first, of equals the lower id first.
    pub fn top(&self, n: usize) -> Vec<TokenLogProbability> {
        let n = n.min(self.logits.len());
        if n == 0 {
            return Vec::new();
        }
        let mut list: Vec<Candidate> = self
            .logits
            .iter()
            .enumerate()
            .map(|(id, &logit)| Candidate { id: id as u32, logit })
            .collect();
        if n < list.len() {
            list.select_nth_unstable_by(n, by_rank);
            list.truncate(n);
        }
        list.sort_unstable_by(by_rank);
        list.into_iter()
            .map(|c| TokenLogProbability { id: c.id, logprob: self.logprob(c.logit) })
            .collect()
    }

    fn logprob(&self, logit: f32) -> f32 {
        (f64::from(logit) - self.log_sum) as f32
    }
}

/// Σ exp(lᵢ − maximum) in f64.
struct SumOfExponentials<'a> {
    logits: &'a [f32],
    maximum: f64,
}

impl Kernel for SumOfExponentials<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let chunks = self.logits.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, &logit) in lanes.iter_mut().zip(chunk) {
                *lane += Float::exp(f64::from(logit) - self.maximum);
            }
        }
        for (lane, &logit) in lanes.iter_mut().zip(rest) {
            *lane += Float::exp(f64::from(logit) - self.maximum);
        }
        for width in [8, 4, 2, 1] {
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
        }
        lanes[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_far_from_zero() {
        let logits = [1000.0, 1001.0, 999.0, -1000.0];
        let row = LogProbabilities::new(&logits);
        let sum: f64 = (0..4).map(|id| f64::from(row.of(id)).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        let ids: Vec<u32> = row.top(9).iter().map(|t| t.id).collect();
        assert_eq!(ids, [1, 0, 2, 3]);
        assert!(row.top(0).is_empty());
    }
}
