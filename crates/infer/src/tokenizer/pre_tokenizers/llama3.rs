//! The pattern of Llama 3 and Qwen 2 as a scanner.

use super::super::unicode_classes::{Class, class};
use super::gpt2::{run_end, space_end};

/// The end of the word that begins at the start of `text`, which is not empty:
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
pub(super) fn word_end(text: &str, digits: usize) -> usize {
    if let Some(end) = contraction(text) {
        return end;
    }
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return 0 };
    let rest = chars.as_str();
    let rest_start = text.len() - rest.len();
    let second = chars.next().map(class);
    match class(first) {
        Class::Letter => run_end(text, Class::Letter),
        Class::Number => text
            .char_indices()
            .take(digits)
            .take_while(|&(_, c)| class(c) == Class::Number)
            .last()
            .map_or(0, |(start, c)| start + c.len_utf8()),
        _ if second == Some(Class::Letter) && first != '\r' && first != '\n' => {
            rest_start + run_end(rest, Class::Letter)
        }
        Class::Other => marks_end(text),
        Class::Space if first == ' ' && second == Some(Class::Other) => {
            rest_start + marks_end(rest)
        }
        Class::Space => {
            // `\s*[\r\n]+` gives back what follows the last line end.
            let run = &text[..run_end(text, Class::Space)];
            run.rfind(['\r', '\n']).map_or_else(|| space_end(text), |at| at + 1)
        }
    }
}

/// The end of `[^\s\p{L}\p{N}]+[\r\n]*`.
fn marks_end(text: &str) -> usize {
    let end = run_end(text, Class::Other);
    text[end..].find(|c| c != '\r' && c != '\n').map_or(text.len(), |more| end + more)
}

/// The end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)`. Ignoring case, the long s `ſ` is an s as well.
fn contraction(text: &str) -> Option<usize> {
    let letters = text.strip_prefix('\'')?;
    if letters.starts_with('\u{17F}') {
        return Some(1 + '\u{17F}'.len_utf8());
    }
    match letters.as_bytes() {
        [a, ..] if matches!(a.to_ascii_lowercase(), b's' | b't' | b'm' | b'd') => Some(2),
        [a, b, ..] => match [a.to_ascii_lowercase(), b.to_ascii_lowercase()] {
            [b'r', b'e'] | [b'v', b'e'] | [b'l', b'l'] => Some(3),
            _ => None,
        },
        _ => None,
    }
}
