//! The text of a Lark grammar without what stands in quotes.

/// The bytes of a grammar that are no part of a string, a regular expression, a special token or a
/// comment, by the rules of llguidance's lexer.
pub(super) fn outside_literals(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        loop {
            let (&first, after) = rest.split_first()?;
            let literal = match first {
                b'"' => quoted(after, b'"'),
                b'/' if after.first() == Some(&b'/') => line(after),
                b'#' => line(after),
                b'/' => quoted(after, b'/'),
                b'<' => special_token(after),
                _ => 0,
            };
            rest = &after[literal..];
            if literal == 0 {
                return Some(first);
            }
        }
    })
}

/// The length up to and with the closing mark; 0 without one, which is no literal.
fn quoted(after: &[u8], mark: u8) -> usize {
    let mut escaped = false;
    for (i, &byte) in after.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\n' if mark == b'"' => return 0,
            _ if byte == mark => return i + 1,
            _ => {}
        }
    }
    0
}

/// The length of the rest of the line.
fn line(after: &[u8]) -> usize {
    after.iter().position(|&byte| byte == b'\n').unwrap_or(after.len())
}

/// The length of a name with its closing bracket.
fn special_token(after: &[u8]) -> usize {
    let end = after.iter().position(|&b| b.is_ascii_whitespace() || b == b'<' || b == b'>');
    match end {
        Some(end) if end > 0 && after[end] == b'>' => end + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_quotes_is_left_out() {
        for (text, outside) in [
            (r#"A: "a&b" & B"#, "A:  & B"),
            (r#"A: "\"&" & /\/&/i & C"#, "A:  & i & C"),
            ("A: B // & C\n & D # & E", "A: B \n & D "),
            ("a: <x\"y> & b", "a:  & b"),
            ("a: \"open & b\n& c", "a: \"open & b\n& c"),
            ("a: < & b", "a: < & b"),
        ] {
            let found = String::from_utf8(outside_literals(text).collect()).unwrap();
            assert_eq!(found, outside, "{text}");
        }
    }
}
