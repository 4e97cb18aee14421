//! Every crate builds alone from its packaged form.
//!
//! `cargo package` of the whole list resolves the crates against one another through a registry
//! that it makes on the fly, so this works before the first release.

use std::error::Error;

use super::cargo::cargo;

const NOT_PUBLISHED: [&str; 3] = ["xtask", "ulp-benches", "ulp-docs"];

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let mut words = vec!["package", "--workspace", "--allow-dirty", "--quiet"];
    words.extend(NOT_PUBLISHED.iter().flat_map(|name| ["--exclude", name]));
    cargo(&words, &[])
}
