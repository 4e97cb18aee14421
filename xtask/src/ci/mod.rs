//! `cargo xtask ci`: everything CI checks, in its order.
//!
//! Each step is a file and a line in [`STEPS`]. The steps run one after the other and all of them
//! run, so that one report shows all that is wrong.

mod cargo;
mod layering;
mod packaging;
mod tidy;

use std::error::Error;
use std::time::Instant;

pub(crate) use cargo::cargo;

type Step = fn() -> Result<(), Box<dyn Error>>;

const STEPS: &[(&str, Step)] = &[
    ("fmt", cargo::fmt),
    ("clippy", cargo::clippy),
    ("tidy", tidy::run),
    ("layering", layering::run),
    ("test", cargo::test),
    ("test-release", cargo::test_release),
    ("default-model", cargo::default_model),
    ("doc", cargo::doc),
    ("package", packaging::run),
    ("advisories", cargo::advisories),
];

/// Runs the named steps, or all of them.
pub(crate) fn run(names: &[String]) -> Result<(), Box<dyn Error>> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no step {unknown:?}; the steps are {}", known.join(", ")).into());
    }
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        println!("── {name}");
        let start = Instant::now();
        let outcome = step();
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => println!("── {name}: ok, {seconds:.1} s"),
            Err(error) => {
                println!("── {name}: FAILED, {seconds:.1} s: {error}");
                failed.push(*name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}
