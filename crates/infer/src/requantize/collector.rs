//! The importance of a model's inputs, seen on a text.

use super::Importance;
use crate::error::InferError;
use crate::model::{LogitRows, Model, Workspace};
use crate::precision::Precision;
use crate::states::for_each_chunk_of_states;

/// Runs texts through a model and sums the squares of what its matrices are multiplied with: for
/// each matrix and each of its inputs i, Σₜ xₜᵢ² over all tokens t.
///
/// The sums are f64, token after token; they do not depend on the number of threads.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Activations, ImportanceCollector, Model};
///
/// let model = Model::load("model-f16.gguf")?;
/// let mut collector = ImportanceCollector::new(&model, Activations::Exact);
/// for window in [[1, 450, 7483, 310], [1, 3444, 338, 3681]] {
///     collector.add(&window)?;
/// }
/// let importance = collector.finish();
/// assert!(importance.of("blk.0.ffn_down.weight", 5632).is_some());
/// importance.to_gguf("book.txt", 2, 4).write_to_file("book.imatrix.gguf")?;
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug)]
pub struct ImportanceCollector<'m> {
    model: &'m Model,
    precision: Precision,
    workspace: Workspace,
}

impl<'m> ImportanceCollector<'m> {
    /// One that has seen nothing. `precision` may be the [`Activations`](crate::Activations) alone.
    pub fn new(model: &'m Model, precision: impl Into<Precision>) -> Self {
        let workspace = Workspace::observing(model);
        ImportanceCollector { model, precision: precision.into(), workspace }
    }

    /// Sees a text that stands for itself.
    ///
    /// # Errors
    ///
    /// [`InferError::TokenOutOfRange`], [`InferError::ContextFull`] if the model was not made for so
    /// many tokens, [`InferError::NonFiniteState`].
    pub fn add(&mut self, ids: &[u32]) -> Result<(), InferError> {
        let width = self.model.hidden_size();
        let finite = |states: &[f32]| match states.iter().position(|x| !x.is_finite()) {
            Some(place) => Err(InferError::NonFiniteState { element: place % width }),
            None => Ok(()),
        };
        let (workspace, all) = (&mut self.workspace, |_| LogitRows::All);
        for_each_chunk_of_states(self.model, ids, self.precision, workspace, all, finite)
    }

    /// What has been seen. Names are GGUF's; a tied output is the embedding.
    pub fn finish(self) -> Importance {
        let mut importance = Importance::new();
        if let Some(squares) = self.workspace.observed() {
            for (matrix, sums) in squares.matrices(self.model) {
                importance.add(&matrix, sums, squares.rows());
            }
        }
        importance
    }
}
