//! A vector for a text.

use crate::error::InferError;
use crate::model::{LogitRows, Model, Workspace};
use crate::precision::Precision;
use crate::states::for_each_chunk_of_states;

/// How the states of a text's T positions become one vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// The last, which alone has seen the whole text.
    Last,
    /// The first, that of the token that stands for the text in models trained so (CLS).
    Cls,
}

/// The embedding of a text, `[C]`: the states after the model's last norm, pooled. It is not scaled
/// to unit length. `precision` may be the [`Activations`](crate::Activations) alone.
///
/// # Accuracy
///
/// The mean is summed in f64 in the order of the positions and rounded once. The bits do not depend
/// on the number of threads.
///
/// # Errors
///
/// [`InferError::EmptyPrompt`], [`InferError::TokenOutOfRange`], [`InferError::ContextFull`] if the
/// model was not made for so many, [`InferError::NonFiniteState`].
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Activations, Model, Pooling, embed};
///
/// let model = Model::load("model.gguf")?;
/// let vector = embed(&model, &[1, 450, 7483], Pooling::Mean, Activations::Exact)?;
/// assert_eq!(vector.len(), model.hidden_size());
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
pub fn embed(
    model: &Model,
    ids: &[u32],
    pooling: Pooling,
    precision: impl Into<Precision>,
) -> Result<Vec<f32>, InferError> {
    if ids.is_empty() {
        return Err(InferError::EmptyPrompt);
    }
    let (needed, context) = (ids.len(), model.context());
    if needed > context {
        return Err(InferError::ContextFull { needed, context });
    }
    // Nothing after the first position changes its state.
    let ids = if pooling == Pooling::Cls { &ids[..1] } else { ids };
    let rows = |is_last: bool| match pooling {
        Pooling::Mean => LogitRows::All,
        Pooling::Last | Pooling::Cls if is_last => LogitRows::Last,
        Pooling::Last | Pooling::Cls => LogitRows::None,
    };
    let (mut workspace, mut sum) = (Workspace::new(), vec![0.0f64; model.hidden_size()]);
    for_each_chunk_of_states(model, ids, precision.into(), &mut workspace, rows, |states| {
        for state in states.chunks_exact(sum.len()) {
            for (sum, &x) in sum.iter_mut().zip(state) {
                *sum += f64::from(x);
            }
        }
        Ok(())
    })?;
    let count = if pooling == Pooling::Mean { ids.len() as f64 } else { 1.0 };
    let vector: Vec<f32> = sum.into_iter().map(|sum| (sum / count) as f32).collect();
    match vector.iter().position(|x| !x.is_finite()) {
        Some(element) => Err(InferError::NonFiniteState { element }),
        None => Ok(vector),
    }
}
