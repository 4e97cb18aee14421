//! `cargo xtask corpus`, `synth` and `train-default`: passed on to `model-maker`.
//!
//! What makes models stands on most of the floors. Automation does not, so it is there after seconds, and
//! no floor is built for it with other features than for the tests.

use std::error::Error;

use crate::ci::cargo;

/// Runs the command that the first word names, in release: these compute for minutes to hours.
pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let program = ["run", "--release", "--package", "model-maker", "--"];
    let words = words.iter().map(String::as_str);
    cargo(&program.into_iter().chain(words).collect::<Vec<&str>>(), &[])
}
