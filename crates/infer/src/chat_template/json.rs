//! `tojson` as Python writes it.

use minijinja::value::{Kwargs, Serde};
use minijinja::{Error, ErrorKind, Value};

/// Bytes that one `tojson` may write: an indent multiplies with the depth, which nothing else
/// counts.
const MAX_JSON: usize = 1 << 26;
/// Blanks that `tojson` may indent by.
const MAX_INDENT: usize = 64;
/// The `tojson` filter with the output of Python's `json.dumps(value, ensure_ascii=False, ...)`.
pub(super) fn python_json(
    value: Serde<serde_json::Value>,
    indent: Option<usize>,
    options: Kwargs,
) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get::<Option<usize>>("indent")?,
    };
    // Accepted by transformers' filter; false is what this one does in any case.
    let ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let refuse = |what| Err(Error::new(ErrorKind::InvalidOperation, what));
    if indent.is_some_and(|indent| indent > MAX_INDENT) {
        return refuse("tojson indents by 64 blanks at most");
    }
    let mut out = String::new();
    JsonWriter { out: &mut out, indent, ascii, sorted }.value(&value, 0);
    if out.len() > MAX_JSON {
        return refuse("tojson writes 64 MiB at most");
    }
    Ok(Value::from_safe_string(out))
}

/// Writes JSON with the spacing of Python's `json` module: `, ` and `: ` on one line; with an
/// indent, `,` before the line break.
struct JsonWriter<'a> {
    out: &'a mut String,
    indent: Option<usize>,
    ascii: bool,
    sorted: bool,
}

impl JsonWriter<'_> {
    /// Writes a value, or nothing more once the text is too long.
    fn value(&mut self, value: &serde_json::Value, depth: usize) {
        if self.out.len() > MAX_JSON {
            return;
        }
        match value {
            serde_json::Value::Array(items) => {
                self.sequence('[', ']', depth, items.iter(), |w, item| w.value(item, depth + 1));
            }
            serde_json::Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                if self.sorted {
                    entries.sort_by_key(|(key, _)| key.as_str());
                }
                self.sequence('{', '}', depth, entries.into_iter(), |w, (key, item)| {
                    w.text(key);
                    w.out.push_str(": ");
                    w.value(item, depth + 1);
                });
            }
            serde_json::Value::String(text) => self.text(text),
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn sequence<T>(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.out.push(open);
        let empty = items.len() == 0;
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.out.push_str(if self.indent.is_some() { "," } else { ", " });
            }
            self.line_break(depth + 1);
            write(self, item);
        }
        if !empty {
            self.line_break(depth);
        }
        self.out.push(close);
    }

    fn line_break(&mut self, depth: usize) {
        if let Some(indent) = self.indent
            && self.out.len() <= MAX_JSON
        {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if (c as u32) < 0x20 => self.out.push_str(&format!("\\u{:04x}", c as u32)),
                c if self.ascii && !c.is_ascii() => {
                    let mut units = [0u16; 2];
                    for unit in c.encode_utf16(&mut units) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
