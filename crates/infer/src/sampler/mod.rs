//! From logits to a token.
//!
//! First the logits change: [bias](SamplerParams::logit_bias), [`Penalties`], [`Dry`]. Then filters
//! take tokens out, in the order in which llama.cpp runs them by default: top-k, typical, top-p,
//! min-p, XTC; temperature comes last, so that what the filters keep does not depend on it. What is
//! left is drawn from with one uniform number. With [`Mirostat`] temperature comes first and
//! Mirostat takes the place of the filters.
//!
//! The random numbers have no state. The uniform number of a draw is Philox's at (seed, stream,
//! position): a request with a seed gives the same tokens whatever else is in the batch, whichever
//! other requests came before, and however often it is started again half way. What Mirostat
//! remembers of a sequence is a value that its owner keeps ([`SamplerState`]).
//!
//! Ties have one order: of two tokens with the same logit the one with the lower id comes first.

mod candidates;
mod dry;
mod greedy;
mod log_probability;
mod logit_bias;
mod min_p;
mod mirostat;
mod penalties;
mod range;
mod temperature;
mod top_k;
mod top_p;
mod typical;
mod xtc;

use std::borrow::Cow;

use ulp_tensor::Philox;

use crate::error::InferError;
use candidates::Candidates;
pub use dry::Dry;
pub use log_probability::{LogProbabilities, TokenLogProbability};
pub use mirostat::Mirostat;
pub use penalties::Penalties;
use range::check_range;
pub use xtc::Xtc;

/// Random number `position` of a sequence's stream is for the draw, the one with this bit for XTC.
const XTC_NUMBERS: u64 = 1 << 63;

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
    /// Keeps the fewest most typical tokens whose probabilities reach this sum
    /// ([Meister et al. 2022](https://arxiv.org/abs/2202.00666)); 1 keeps all.
    pub typical_p: f32,
    /// Leaves out the most probable tokens now and then.
    pub xtc: Option<Xtc>,
    /// Takes the place of all filters above.
    pub mirostat: Option<Mirostat>,
    /// Against tokens that came before.
    pub penalties: Penalties,
    /// Against repetitions of several tokens.
    pub dry: Option<Dry>,
    /// Tokens and what is added to their logits; −∞ makes a token impossible.
    pub logit_bias: Vec<(u32, f32)>,
    /// Chooses the random numbers.
    pub seed: u64,
}

/// What sampling remembers of a sequence: the limit of [`Mirostat`]. A sequence begins with the
/// default; a copy is a way to go back to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SamplerState {
    limit: Option<f64>,
}

impl Default for SamplerParams {
    /// llama.cpp's defaults: temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, nothing else;
    /// seed 0.
    fn default() -> Self {
        SamplerParams {
            temperature: 0.8,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            ..SamplerParams::greedy()
        }
    }
}

impl SamplerParams {
    /// Always the best token.
    pub fn greedy() -> Self {
        SamplerParams {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            xtc: None,
            mirostat: None,
            penalties: Penalties::default(),
            dry: None,
            logit_bias: Vec::new(),
            seed: 0,
        }
    }

    /// Checks the ranges: temperature finite and ≥ 0, top-p and typical-p in (0, 1], min-p in
    /// [0, 1], biases not NaN and not +∞, and those of the parts.
    ///
    /// # Errors
    ///
    /// [`InferError::InvalidSampling`] naming the parameter.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::SamplerParams;
    ///
    /// assert!(SamplerParams::default().validate().is_ok());
    /// let wrong = SamplerParams { temperature: f32::NAN, ..SamplerParams::default() };
    /// let error = wrong.validate().unwrap_err().to_string();
    /// assert_eq!(error, "temperature = NaN, expected a finite number, 0 or more");
    /// ```
    pub fn validate(&self) -> Result<(), InferError> {
        let (above_zero, part) = (f32::from_bits(1), "above 0, 1 at most");
        let any = "a finite number, 0 or more";
        check_range("temperature", self.temperature, 0.0..=f32::MAX, any)?;
        check_range("top_p", self.top_p, above_zero..=1.0, part)?;
        check_range("typical_p", self.typical_p, above_zero..=1.0, part)?;
        check_range("min_p", self.min_p, 0.0..=1.0, "between 0 and 1")?;
        for &(_, bias) in &self.logit_bias {
            let expected = "a number, or -inf";
            check_range("logit_bias", bias, f32::NEG_INFINITY..=f32::MAX, expected)?;
        }
        self.penalties.validate()?;
        self.dry.as_ref().map_or(Ok(()), Dry::validate)?;
        self.xtc.as_ref().map_or(Ok(()), Xtc::validate)?;
        self.mirostat.as_ref().map_or(Ok(()), Mirostat::validate)
    }

    /// True if the choice depends on the tokens before: [`sample`](Self::sample) is then not
    /// enough.
    pub fn needs_history(&self) -> bool {
        !self.penalties.is_none() || self.dry.is_some() || self.mirostat.is_some()
    }

    /// Chooses the token at `position` of the sequence that draws from random stream `stream`,
    /// as if no tokens came before: [`sample_after`](Self::sample_after) with no history.
    ///
    /// # Errors
    ///
    /// As [`sample_after`](Self::sample_after).
    ///
    /// # Panics
    ///
    /// If `logits` is empty.
    #[track_caller]
    pub fn sample(&self, logits: &[f32], stream: u64, position: u64) -> Result<u32, InferError> {
        self.sample_after(logits, &[], &mut SamplerState::default(), stream, position)
    }

    /// Chooses the token at `position` of the sequence that draws from random stream `stream`.
    /// `history` is what came before, prompt and all; `state` is the sequence's own.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate). [`InferError::NonFiniteLogit`] if any logit is NaN or
    /// +∞. A logit of −∞ is a token that cannot come; if all are, the error names the first.
    /// [`InferError::TokenOutOfRange`] for a bias of a token that has no logit.
    ///
    /// # Panics
    ///
    /// If `logits` is empty.
    #[track_caller]
    pub fn sample_after(
        &self,
        logits: &[f32],
        history: &[u32],
        state: &mut SamplerState,
        stream: u64,
        position: u64,
    ) -> Result<u32, InferError> {
        self.validate()?;
        let logits = self.changed(logits, history)?;
        let best = greedy::best_token(&logits)?;
        if self.temperature == 0.0 {
            return Ok(best);
        }
        let random = Philox::new(self.seed, stream);
        let mut candidates = Candidates::new(&logits, logits[best as usize]);
        if let Some(mirostat) = &self.mirostat {
            temperature::divide(&mut candidates, self.temperature);
            mirostat.keep(&mut candidates, state.limit);
            let token = candidates.draw(random.uniform(position));
            state.limit = Some(mirostat.next(&candidates, token, state.limit));
            return Ok(token);
        }
        if self.top_k == 1 {
            return Ok(best);
        }
        top_k::keep(&mut candidates, self.top_k);
        typical::keep(&mut candidates, self.typical_p);
        top_p::keep(&mut candidates, self.top_p);
        min_p::keep(&mut candidates, self.min_p);
        if let Some(xtc) = &self.xtc {
            xtc.keep(&mut candidates, random.uniform(XTC_NUMBERS | position));
        }
        temperature::divide(&mut candidates, self.temperature);
        Ok(candidates.draw(random.uniform(position)))
    }

    /// The logits with bias and penalties.
    fn changed<'a>(
        &self,
        logits: &'a [f32],
        history: &[u32],
    ) -> Result<Cow<'a, [f32]>, InferError> {
        let mut logits = Cow::Borrowed(logits);
        if !self.logit_bias.is_empty() {
            logit_bias::add(logits.to_mut(), &self.logit_bias)?;
        }
        if !self.penalties.is_none() {
            self.penalties.apply(logits.to_mut(), history);
        }
        if let Some(dry) = &self.dry {
            dry.apply(logits.to_mut(), history);
        }
        Ok(logits)
    }
}

#[cfg(test)]
mod tests;
