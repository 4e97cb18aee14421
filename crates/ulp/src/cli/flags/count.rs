//! How many tokens, with -1 for no limit as llama.cpp has it.

/// A count, or -1 for as many as it takes.
pub(in crate::cli) fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) => Ok(count),
        Err(_) if text == "-1" => Ok(usize::MAX),
        Err(_) => Err("a count, or -1 for no limit".to_string()),
    }
}
