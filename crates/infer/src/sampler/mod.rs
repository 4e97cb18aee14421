//! From logits to a token.
//!
//! The filters run in the order that llama.cpp runs them by default: top-k, top-p, min-p, and
//! temperature last, so that what top-p and min-p keep does not depend on the temperature. What is
//! left is drawn from with one uniform number.
//!
//! Nothing here has state. The uniform number of a draw is Philox's at (seed, stream, position):
//! a request with a seed gives the same tokens whatever else is in the batch, whichever other
//! requests came before, and however often it is started again half way.
//!
//! Ties have one order: of two tokens with the same logit the one with the lower id comes first.

mod candidates;
mod greedy;
mod log_probability;
mod min_p;
mod temperature;
mod top_k;
mod top_p;

use ulp_tensor::Philox;

use crate::error::InferError;
use candidates::Candidates;
pub use log_probability::{LogProbabilities, TokenLogProbability};

/// How a request's tokens are chosen.
///
/// # Examples
///
/// ```
/// use ulp_infer::SamplerParams;
///
/// let greedy = SamplerParams::greedy();
/// let logits = [0.5, 2.0, -1.0, 2.0];
/// assert_eq!(greedy.sample(&logits, 0, 0)?, 1); // the lower id of the two best
///
/// let drawn = SamplerParams { temperature: 0.8, top_k: 2, ..SamplerParams::default() };
/// let first = drawn.sample(&logits, 0, 0)?;
/// assert_eq!(first, drawn.sample(&logits, 0, 0)?); // the same place, the same token
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerParams {
    /// Divides the logits before they become probabilities; 0 takes the best token.
    pub temperature: f32,
    /// Keeps the k best tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest best tokens whose probabilities reach this sum; 1 keeps all.
    pub top_p: f32,
    /// Keeps tokens at least this fraction as probable as the best; 0 keeps all.
    pub min_p: f32,
    /// Chooses the random numbers.
    pub seed: u64,
}

impl Default for SamplerParams {
    /// llama.cpp's defaults: temperature 0.8, top-k 40, top-p 0.95, min-p 0.05; seed 0.
    fn default() -> Self {
        SamplerParams { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, seed: 0 }
    }
}

impl SamplerParams {
    /// Always the best token.
    pub fn greedy() -> Self {
        SamplerParams { temperature: 0.0, top_k: 0, top_p: 1.0, min_p: 0.0, seed: 0 }
    }

    /// Checks the ranges: temperature finite and ≥ 0, top-p in (0, 1], min-p in [0, 1].
    ///
    /// # Errors
    ///
    /// [`InferError::InvalidSampling`] naming the parameter.
    pub fn validate(&self) -> Result<(), InferError> {
        let check = |ok: bool, parameter, value: f32, expected| {
            let value = f64::from(value);
            if ok {
                Ok(())
            } else {
                Err(InferError::InvalidSampling { parameter, value, expected })
            }
        };
        let (t, top_p, min_p) = (self.temperature, self.top_p, self.min_p);
        check(t.is_finite() && t >= 0.0, "temperature", t, "a finite number, 0 or more")?;
        check(top_p > 0.0 && top_p <= 1.0, "top_p", top_p, "above 0, 1 at most")?;
        check((0.0..=1.0).contains(&min_p), "min_p", min_p, "between 0 and 1")
    }

    /// Chooses the token at `position` of the sequence that draws from random stream `stream`.
    ///
    /// # Errors
    ///
    /// [`InferError::NonFiniteLogit`] if any logit is NaN or +∞. A logit of −∞ is a token that
    /// cannot come; if all are, the error names the first.
    ///
    /// # Panics
    ///
    /// If `logits` is empty.
    #[track_caller]
    pub fn sample(&self, logits: &[f32], stream: u64, position: u64) -> Result<u32, InferError> {
        let best = greedy::best_token(logits)?;
        if self.temperature == 0.0 || self.top_k == 1 {
            return Ok(best);
        }
        let maximum = logits[best as usize];
        let mut candidates = Candidates::new(logits, maximum);
        top_k::keep(&mut candidates, self.top_k);
        top_p::keep(&mut candidates, self.top_p);
        min_p::keep(&mut candidates, self.min_p);
        temperature::divide(&mut candidates, self.temperature);
        Ok(candidates.draw(Philox::new(self.seed, stream).uniform(position)))
    }
}
