//! The final states of a text, some positions at a time.

use crate::error::InferError;
use crate::kv_cache::KvCache;
use crate::model::{Input, LogitRows, Model, Workspace};
use crate::precision::Precision;

/// Positions that are computed at once.
const CHUNK: usize = 512;

/// Runs `ids` through the model and visits the states, `[n, C]`, of the rows that `rows` asks for:
/// it is told whether a chunk is the last.
pub(crate) fn for_each_chunk_of_states(
    model: &Model,
    ids: &[u32],
    precision: Precision,
    workspace: &mut Workspace,
    rows: impl Fn(bool) -> LogitRows,
    mut visit: impl FnMut(&[f32]) -> Result<(), InferError>,
) -> Result<(), InferError> {
    let Precision { activations, cache } = precision;
    let mut cache = KvCache::of_type(model.cache_shape(), cache, ids.len());
    let sequence = cache.open_with(model.rope_factors(ids.len()));
    let chunks = ids.len().div_ceil(CHUNK);
    for (chunk, tokens) in ids.chunks(CHUNK).enumerate() {
        let input = Input { sequence, tokens, logits: rows(chunk + 1 == chunks) };
        let states = model
            .states(&[input], &mut cache, activations, workspace)
            .map_err(|error| error.shifted(chunk * CHUNK))?;
        visit(states)?;
    }
    Ok(())
}
