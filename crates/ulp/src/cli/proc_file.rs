//! Sizes that Linux tells in files under `/proc`.

/// The bytes behind `key`, which stands there as `KEY:   N kB`; `None` where the system does not say so.
pub(super) fn proc_bytes(file: &str, key: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
