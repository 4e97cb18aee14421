//! `GET /engine`: the engine as it is now, for the page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;
use ulp_infer::BlockUse;

use super::app::App;
use super::error::ApiError;
use super::json_response;

/// Numbers and the map of the cache: a character a block, `.` free, `k` kept for its prefix, and
/// for running sequences the digit of their number, `+` above nine.
pub(crate) async fn handle(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let view = app.engine.view().await;
    let view = view.map_err(|_| ApiError::internal("the engine has stopped"))?;
    let (stats, totals) = (view.stats, view.stats.totals);
    let (busy, least) = app.metrics.step_seconds();
    Ok(json_response(&json!({
        "model": app.model.name(),
        "context": app.context,
        "max_running": app.model.engine.max_running,
        "running": stats.running,
        "waiting": stats.waiting,
        "block_positions": stats.block_positions,
        "block_bytes": stats.block_bytes,
        "cache_type": app.model.engine.cache_type.name(),
        "blocks": stats.blocks,
        "map": view.map.iter().map(letter).collect::<String>(),
        // Seconds that the steps took, and would take at the machine's limits if those are known.
        "busy_seconds": busy,
        "least_seconds": app.model.ceiling.is_some().then_some(least),
        "totals": {
            "requests": totals.requests,
            "steps": totals.steps,
            "computed_tokens": totals.computed_tokens,
            "prompt_tokens": totals.prompt_tokens,
            "reused_tokens": totals.reused_tokens,
            "generated_tokens": totals.generated_tokens,
            "drafted_tokens": totals.drafted_tokens,
            "accepted_tokens": totals.accepted_tokens,
            "preemptions": totals.preemptions,
            "evictions": totals.evictions,
        },
    })))
}

fn letter(block: &BlockUse) -> char {
    match block {
        BlockUse::Free => '.',
        BlockUse::Kept => 'k',
        BlockUse::Running(n) => {
            u32::try_from(*n).ok().and_then(|n| char::from_digit(n, 10)).unwrap_or('+')
        }
    }
}
