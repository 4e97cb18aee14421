//! Text out of files, as a terminal may get it.

/// The text with control characters as escapes (`\n`, `\u{1b}`): a name in a model's file is
/// anybody's, and must not move the cursor, or colour and retitle the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// The same line by line.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_shown() {
        assert_eq!(printable("blk.0.ü\u{2581}"), "blk.0.ü\u{2581}");
        assert_eq!(printable("\u{1b}[31ma\nb\u{9b}\0"), r"\u{1b}[31ma\nb\u{9b}\u{0}");
        assert_eq!(printable_lines("a\n\u{7f}b"), "a\n\\u{7f}b");
    }
}
