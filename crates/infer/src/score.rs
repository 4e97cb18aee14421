//! How probable a text is to a model, token by token.

use rayon::prelude::*;

use crate::error::InferError;
use crate::kv_cache::KvCache;
use crate::model::{Input, LogitRows, Model, Workspace};
use crate::precision::Precision;
use crate::sampler::{LogProbabilities, TokenLogProbability};

/// Positions whose logits are held at once: a row of logits is as long as the vocabulary.
const CHUNK: usize = 64;

/// What a model expects after the tokens up to a position.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionScore {
    /// The token that does follow, and the natural logarithm of its probability. `None` at the
    /// last position.
    pub next: Option<TokenLogProbability>,
    /// The most probable tokens, best first.
    pub top: Vec<TokenLogProbability>,
}

/// The log-probability of every token of `ids` but the first, given those before it, and the `top`
/// best alternatives at each place: one score for each of the T positions. `precision` may be the
/// [`Activations`](crate::Activations) alone.
///
/// Σ of `next.logprob` is ln p of the text after its first token; exp of its negative mean is the
/// perplexity. The scores have the same bits for any number of threads.
///
/// # Errors
///
/// [`InferError::EmptyPrompt`], [`InferError::TokenOutOfRange`], [`InferError::ContextFull`] if the
/// model was not made for so many, [`InferError::NonFiniteLogit`].
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Activations, Model, score};
///
/// let model = Model::load("model.gguf")?;
/// let scores = score(&model, &[1, 450, 7483], Activations::Exact, 5)?;
/// assert_eq!(scores.len(), 3);
/// assert_eq!(scores[0].next.unwrap().id, 450);
/// assert!(scores[2].next.is_none() && scores[2].top.len() == 5);
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
pub fn score(
    model: &Model,
    ids: &[u32],
    precision: impl Into<Precision>,
    top: usize,
) -> Result<Vec<PositionScore>, InferError> {
    if ids.is_empty() {
        return Err(InferError::EmptyPrompt);
    }
    let (needed, context) = (ids.len(), model.context());
    if needed > context {
        return Err(InferError::ContextFull { needed, context });
    }
    let mut scores = Vec::with_capacity(needed);
    for_each_chunk(model, ids, precision.into(), 0, |first, logits| {
        let rows = logits.par_chunks_exact(model.vocab_size()).enumerate();
        let chunk: Result<Vec<_>, InferError> =
            rows.map(|(row, logits)| one(logits, ids.get(first + row + 1), top)).collect();
        scores.extend(chunk?);
        Ok(())
    })?;
    Ok(scores)
}

/// Runs `ids` through the model and visits the logits of the positions from `from` on, some rows at
/// a time: the position of the first row, and the rows, `[n, V]`.
pub(crate) fn for_each_chunk(
    model: &Model,
    ids: &[u32],
    precision: Precision,
    from: usize,
    mut visit: impl FnMut(usize, &[f32]) -> Result<(), InferError>,
) -> Result<(), InferError> {
    let Precision { activations, cache } = precision;
    let mut cache = KvCache::of_type(model.cache_shape(), cache, ids.len());
    let sequence = cache.open_with(model.rope_factors(ids.len()));
    let mut workspace = Workspace::new();
    for (chunk, tokens) in ids.chunks(CHUNK).enumerate() {
        let first = chunk * CHUNK;
        let wanted = (first + tokens.len()).saturating_sub(from).min(tokens.len());
        let logits = if wanted == 0 { LogitRows::None } else { LogitRows::Final(wanted) };
        let logits = model
            .forward(&[Input { sequence, tokens, logits }], &mut cache, activations, &mut workspace)
            .map_err(|error| error.shifted(first))?;
        if wanted > 0 {
            visit(first + tokens.len() - wanted, logits)?;
        }
    }
    Ok(())
}

fn one(logits: &[f32], next: Option<&u32>, top: usize) -> Result<PositionScore, InferError> {
    let row = LogProbabilities::checked(logits)?;
    // A next token outside the vocabulary is found when its own position is computed.
    let next = next.filter(|&&id| (id as usize) < logits.len());
    let next = next.map(|&id| TokenLogProbability { id, logprob: row.of(id) });
    Ok(PositionScore { next, top: row.top(top) })
}
