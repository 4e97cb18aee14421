//! The steps that are one call of cargo.

use std::error::Error;
use std::process::Command;

/// Runs cargo with the given words and environment; an exit status other than 0 is an error.
pub(super) fn cargo(words: &[&str], environment: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
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

/// What `--release` computes, in the profile whose dependencies are built already, and without the
/// time that linking each test takes with LTO.
const OPTIMISED: [&str; 8] = [
    "--config",
    "profile.dev.opt-level=3",
    "--config",
    "profile.dev.debug=false",
    "--config",
    "profile.dev.debug-assertions=false",
    "--config",
    "profile.dev.overflow-checks=false",
];

/// Once more with the optimiser at work: no debug assertions, no overflow checks, other inlining.
pub(super) fn test_release() -> Result<(), Box<dyn Error>> {
    cargo(&[&["test", "--lib", "--bins", "--tests"], &OPTIMISED[..]].concat(), &[])
}

/// The first steps of the default model's training still have the committed bits.
pub(super) fn default_model() -> Result<(), Box<dyn Error>> {
    let command = ["--package", "xtask", "--", "train-default", "--check"];
    cargo(&[&["run"], &OPTIMISED[..], &command].concat(), &[])
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
