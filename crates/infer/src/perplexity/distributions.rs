//! A window's next-token distributions.

use rayon::prelude::*;

use super::{Likelihood, Windows};
use crate::error::InferError;
use crate::model::Model;
use crate::precision::Precision;
use crate::sampler::LogProbabilities;
use crate::score::for_each_chunk;

/// ln p of every token at each scored position of a window, `[scored, V]`.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Activations, Distributions, Likelihood, Model, Windows};
///
/// let model = Model::load("model.gguf")?;
/// let ids = [1, 450, 7483, 310, 3444, 338, 3681, 29889];
/// let windows = Windows::new(&ids, 8, None);
/// let mut likelihood = Likelihood::default();
/// for window in 0..windows.len() {
///     let rows = Distributions::of(&model, &windows, window, Activations::Quantized)?;
///     rows.score(&mut likelihood);
/// }
/// println!("perplexity {:.3}", likelihood.perplexity());
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distributions {
    /// The token that does follow, at each scored position.
    next: Vec<u32>,
    vocabulary: usize,
    logprobs: Vec<f32>,
}

impl Distributions {
    /// What `model` says of window `index`. The same bits for any number of threads. `precision` may
    /// be the [`Activations`](crate::Activations) alone.
    ///
    /// # Errors
    ///
    /// [`InferError::TokenOutOfRange`], [`InferError::ContextFull`] if the model was not made for
    /// windows so long, [`InferError::NonFiniteLogit`].
    pub fn of(
        model: &Model,
        windows: &Windows<'_>,
        index: usize,
        precision: impl Into<Precision>,
    ) -> Result<Self, InferError> {
        let (ids, from) = (windows.get(index), windows.scored_from());
        let vocabulary = model.vocab_size();
        let mut logprobs = vec![0.0; windows.scored() * vocabulary];
        // The last token is predicted and predicts nothing.
        let read = &ids[..ids.len() - 1];
        for_each_chunk(model, read, precision.into(), from, |first, logits| {
            let out = &mut logprobs[(first - from) * vocabulary..];
            let rows = out.par_chunks_exact_mut(vocabulary);
            rows.zip(logits.par_chunks_exact(vocabulary)).try_for_each(|(out, logits)| {
                LogProbabilities::checked(logits)?.write(out);
                Ok(())
            })
        })?;
        Ok(Distributions { next: ids[from + 1..].to_vec(), vocabulary, logprobs })
    }

    pub(super) fn from_parts(next: Vec<u32>, vocabulary: usize, logprobs: Vec<f32>) -> Self {
        Distributions { next, vocabulary, logprobs }
    }

    /// V.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The token that does follow, at each scored position.
    pub fn next(&self) -> &[u32] {
        &self.next
    }

    /// ln p of all tokens, a row a position.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.logprobs.chunks_exact(self.vocabulary)
    }

    pub(super) fn logprobs(&self) -> &[f32] {
        &self.logprobs
    }

    /// Counts in what each token's probability was.
    pub fn score(&self, likelihood: &mut Likelihood) {
        for (row, &next) in self.rows().zip(&self.next) {
            likelihood.push(f64::from(row[next as usize]));
        }
    }
}
