//! GPT-2's pattern as a scanner.
//!
//! A compiled pattern with look-ahead runs at a few megabytes a second; this scanner does the same
//! work in one pass. The tests hold it against the compiled pattern.

use super::super::unicode_classes::{Class, class};

/// The end of the word that begins at the start of `text`, which is not empty:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
pub(super) fn word_end(text: &str) -> usize {
    if let Some(end) = contraction(text) {
        return end;
    }
    let rest = text.strip_prefix(' ').unwrap_or(text);
    match rest.chars().next().map(class) {
        // Nothing but one space, or white space after it.
        None | Some(Class::Space) => space_end(text),
        Some(run) => text.len() - rest.len() + run_end(rest, run),
    }
}

/// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`.
fn contraction(text: &str) -> Option<usize> {
    let letters = text.strip_prefix('\'')?.as_bytes();
    match letters {
        [b's' | b't' | b'm' | b'd', ..] => Some(2),
        [b'r', b'e', ..] | [b'v', b'e', ..] | [b'l', b'l', ..] => Some(3),
        _ => None,
    }
}

/// The end of the characters of class `run` that `text` begins with.
#[inline]
pub(super) fn run_end(text: &str, run: Class) -> usize {
    text.char_indices().find(|&(_, c)| class(c) != run).map_or(text.len(), |(end, _)| end)
}

/// The end of `\s+(?!\S)|\s+`: all white space at the end of the text; before other text all but
/// its last character, which goes with the next word; a single one alone.
pub(super) fn space_end(text: &str) -> usize {
    let end = run_end(text, Class::Space);
    if end == text.len() {
        return end;
    }
    let last = text[..end].char_indices().next_back().map_or(0, |(start, _)| start);
    if last == 0 { end } else { last }
}
