//! Automation of the workspace: `cargo xtask COMMAND`. A command's name is its file's name; those
//! that make models are in a program of their own.

mod ci;
mod cross;
mod fetch;
mod model_maker;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  ci [STEP ...]   all that CI checks, in its order; or only the steps named
  corpus [COUNT]  print the first documents of the default model's corpus (12)
  cross aarch64 [WORD ...]  tests for another processor under an emulator; or `cargo test WORD ...`
  fetch NAME      download a public model or data set into models/ and check its SHA-256
  synth SHAPE [DIR [TYPE ...]]  a random model of a shape (tinyllama, small), and as GGUF files
  train-default [OUT]  make the embedded model; stops and goes on from target/default-model";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "ci" => ci::run(rest),
        "cross" => cross::run(rest),
        "fetch" => fetch::run(rest),
        "corpus" | "synth" | "train-default" => model_maker::run(&arguments),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: no command {other:?}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
