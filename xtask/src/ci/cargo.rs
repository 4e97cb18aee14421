//! The steps that are one call of cargo.

use std::error::Error;
use std::process::Command;

use super::layering::FLOORS;

/// Runs cargo with the given words and environment; an exit status other than 0 is an error.
pub(crate) fn cargo(words: &[&str], environment: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(program).args(words).envs(environment.iter().copied()).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("cargo {} ended with {status}", words.join(" ")).into())
}

pub(super) fn fmt() -> Result<(), Box<dyn Error>> {
    cargo(&["fmt", "--all", "--", "--check"], &[])
}

pub(super) fn clippy() -> Result<(), Box<dyn Error>> {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])
}

/// What the README tells a newcomer to run; doc tests are part of it.
pub(super) fn test() -> Result<(), Box<dyn Error>> {
    cargo(&["test"], &[])
}

/// What `--release` sets for this workspace's own crates. Their dependencies stay as they were built
/// for the tests before, and no time goes into linking each test with LTO.
const OPTIMISED: &[&str] =
    &["opt-level=3", "debug=false", "debug-assertions=false", "overflow-checks=false"];

/// Runs cargo with `words`, what makes it build each crate of the workspace by these settings, and `rest`.
pub(super) fn cargo_with(
    words: &[&str],
    settings: &[&str],
    rest: &[&str],
) -> Result<(), Box<dyn Error>> {
    let crates = FLOORS.iter().chain(&["model-maker"]);
    let each = crates.flat_map(|name| settings.iter().map(move |setting| (name, setting)));
    let each = each.map(|(name, setting)| format!("--config=profile.dev.package.{name}.{setting}"));
    let each: Vec<String> = each.collect();
    let each: Vec<&str> = each.iter().map(String::as_str).collect();
    cargo(&[words, &each, rest].concat(), &[])
}

/// Once more with the optimiser at work: no debug assertions, no overflow checks, other inlining.
pub(super) fn test_release() -> Result<(), Box<dyn Error>> {
    cargo_with(&["test", "--lib", "--bins", "--tests"], OPTIMISED, &[])
}

/// The first steps of the default model's training still have the committed bits. No package is
/// named: that would choose other features, and most of the workspace would be built once more.
pub(super) fn default_model() -> Result<(), Box<dyn Error>> {
    cargo_with(&["test", "--bin", "model-maker"], OPTIMISED, &["--", "--ignored"])
}

pub(super) fn doc() -> Result<(), Box<dyn Error>> {
    cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Licences and advisories, where `cargo deny` is installed.
pub(super) fn advisories() -> Result<(), Box<dyn Error>> {
    let at_hand = Command::new("cargo").args(["deny", "--version"]).output();
    if at_hand.is_ok_and(|output| output.status.success()) {
        return cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"], &[]);
    }
    println!("skipped: cargo-deny is not installed");
    Ok(())
}
