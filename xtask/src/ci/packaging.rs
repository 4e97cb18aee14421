//! Every crate builds alone from its packaged form.
//!
//! `cargo package` of the whole list resolves the crates against one another through a registry
//! that it makes on the fly, so this works before the first release.

use std::error::Error;

use super::cargo::cargo;

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let exclude = ["--exclude", "xtask", "--exclude", "ulp-benches"];
    let mut words = vec!["package", "--workspace", "--allow-dirty", "--quiet"];
    words.extend(exclude);
    cargo(&words, &[])
}
