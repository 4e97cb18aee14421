//! House rules that no compiler checks: where `unsafe` and intrinsics may stand, what a room may
//! be called, which crate may print.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Wall 5: the only places where `unsafe` or `core::arch` may stand.
const UNSAFE_ROOMS: &[&str] = &[
    "crates/fpbits/src/convert/bulk.rs",
    "crates/tensor/src/simd/",
    "crates/infer/src/quant/kernels/",
    "crates/infer/src/mmap.rs",
    "crates/infer/src/pages.rs",
];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let mut faults = Vec::new();
    for path in rust_files(Path::new("crates"))? {
        let text = fs::read_to_string(&path)?;
        let shown = path.to_string_lossy().replace('\\', "/");
        check_name(&path, &shown, &mut faults);
        check_lines(&shown, &text, &mut faults);
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("\n{}", faults.join("\n")).into()) }
}

fn check_name(path: &Path, shown: &str, faults: &mut Vec<String>) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if EMPTY_NAMES.contains(&stem.as_ref()) {
        faults.push(format!("{shown}: the name does not say what is inside"));
    }
}

fn check_lines(shown: &str, text: &str, faults: &mut Vec<String>) {
    let unsafe_allowed = UNSAFE_ROOMS.iter().any(|room| shown.starts_with(room));
    let library = shown.contains("/src/") && !shown.starts_with("crates/ulp/");
    for (index, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        let mut fault = |what: &str| faults.push(format!("{shown}:{}: {what}", index + 1));
        if !unsafe_allowed && has_unsafe(code) {
            fault("`unsafe` or an intrinsic outside its rooms");
        }
        let prints = code.starts_with("println!") || code.starts_with("print!");
        if library && prints {
            fault("a library prints");
        }
    }
}

fn has_unsafe(code: &str) -> bool {
    let opens =
        code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl");
    opens || code.contains("arch::x86_64::") || code.contains("arch::aarch64::")
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
