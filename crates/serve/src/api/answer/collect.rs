//! Answers as a whole.

use serde_json::Value;
use ulp_infer::Tokenizer;

use super::{Addition, Answer, Counts, Format, of_interruption, total};
use crate::api::error::ApiError;
use crate::engine_thread::Generation;

/// Waits for all answers and writes them. `n` are answers to one prompt.
///
/// # Errors
///
/// The first failure of any of them.
pub(crate) async fn collect(
    mut generation: Generation,
    answers: usize,
    n: usize,
    with_log: bool,
    tokenizer: &Tokenizer,
    format: &mut impl Format,
) -> Result<Value, ApiError> {
    let mut growing: Vec<Answer> = (0..answers).map(|_| Answer::new(with_log)).collect();
    let mut wholes: Vec<Addition> = (0..answers).map(|_| Addition::default()).collect();
    while let Some(event) = generation.next().await {
        let (index, happening) = event.map_err(of_interruption)?;
        let addition = growing[index].add(happening, tokenizer)?;
        let whole = &mut wholes[index];
        whole.text.push_str(&addition.text);
        whole.tokens.extend(addition.tokens);
        whole.end = addition.end;
    }
    let counts: Vec<Counts> = wholes.iter().filter_map(|a| a.end.map(|end| end.counts)).collect();
    Ok(format.whole(wholes, total(&counts, n)))
}
