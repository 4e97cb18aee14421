//! Models made here: the one that the command `ulp` carries in itself, and random ones to measure on.
//! `cargo xtask` passes the commands on. A command's name is its file's name.

mod corpus;
mod synth;
mod train_default;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };
    let outcome = match command {
        "corpus" => corpus::run(rest),
        "synth" => synth::run(rest),
        "train-default" => train_default::run(rest),
        other => Err(format!("no command {other:?}; `cargo xtask help` lists them").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("model-maker: {error}");
            ExitCode::FAILURE
        }
    }
}
