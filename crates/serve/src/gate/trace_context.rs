//! [W3C Trace Context](https://www.w3.org/TR/trace-context/): the header `traceparent`, by which
//! the logs of all servers that had to do with one request are found together.

use std::fmt;

use axum::http::HeaderMap;

use crate::random::random_u64;

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    trace: u128,
    /// This server's part of it.
    span: u64,
    /// Whether the caller records the trace.
    flags: u8,
}

impl TraceContext {
    /// This server's part in the caller's trace, or in a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all("traceparent").iter();
        // Two headers are as none: neither is to be preferred.
        let parent = match (given.next(), given.next()) {
            (Some(one), None) => one.to_str().ok().and_then(parse),
            _ => None,
        };
        let new = || u128::from(random_u64()) << 64 | u128::from(random_u64());
        let (trace, flags) = parent.unwrap_or_else(|| (new(), 0));
        TraceContext { trace, span: random_u64(), flags }
    }

    /// The trace's name, for a log.
    pub(crate) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Trace and flags of `VERSION-TRACE-PARENT-FLAGS`; of later versions the same four fields count.
fn parse(header: &str) -> Option<(u128, u8)> {
    let mut fields = header.trim().splitn(5, '-');
    let mut field = |length: usize| {
        let field = fields.next().filter(|field| field.len() == length)?;
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        field.bytes().all(is_hex).then_some(field)
    };
    let (version, trace, parent, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    let more = fields.next().is_some();
    if version == "ff" || (version == "00" && more) {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|&trace| trace != 0)?;
    u64::from_str_radix(parent, 16).ok().filter(|&parent| parent != 0)?;
    Some((trace, u8::from_str_radix(flags, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_gone_on_with() {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", GOOD.parse().unwrap());
        let context = TraceContext::of(&headers);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let shown = context.to_string();
        assert!(shown.starts_with(&GOOD[..36]) && shown.ends_with("-01") && shown != GOOD);
        assert!(parse(&shown).is_some());
        headers.append("traceparent", GOOD.parse().unwrap());
        assert_ne!(TraceContext::of(&headers).trace, context.trace);
    }

    #[test]
    fn what_is_no_trace_is_not() {
        assert!(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").is_some());
        for wrong in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &format!("{GOOD}-more"),
            &GOOD.replace("00-4b", "ff-4b"),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &GOOD.replace("4bf9", "4bg9"),
            &GOOD.replace("-01", "-1"),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
