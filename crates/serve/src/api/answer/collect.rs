//! Answers as a whole.

use serde_json::Value;
use ulp_infer::Tokenizer;

use super::{Addition, Answer, Asked, Counts, Format, of_interruption, total};
use crate::api::error::ApiError;
use crate::engine_thread::Generation;

/// Waits for all answers and writes them.
///
/// # Errors
///
/// The first failure of any of them.
pub(crate) async fn collect(
    mut generation: Generation,
    asked: Asked,
    tokenizer: &Tokenizer,
    format: &mut impl Format,
) -> Result<Value, ApiError> {
    let mut growing = Answer::all(asked);
    let mut wholes: Vec<Addition> = (0..asked.answers).map(|_| Addition::default()).collect();
    while let Some(event) = generation.next().await {
        let (index, happening) = event.map_err(of_interruption)?;
        let addition = growing[index].add(happening, tokenizer)?;
        let whole = &mut wholes[index];
        whole.text.push_str(&addition.text);
        whole.tokens.extend(addition.tokens);
        whole.end = addition.end;
    }
    let counts: Vec<Counts> = wholes.iter().filter_map(|a| a.end.map(|end| end.counts)).collect();
    Ok(format.whole(wholes, total(&counts, asked.n)))
}
