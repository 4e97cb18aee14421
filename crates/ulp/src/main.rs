//! The command `ulp`: look at floats, tokenize, inspect models, score, generate, chat, train.
//!
//! Flags pass through two stages. The structs under [`cli`] that derive clap's traits hold what
//! was typed; each of them has a `resolve` that turns it into what it means (formats looked up,
//! files read, defaults filled in), and only that is run.
#![forbid(unsafe_code)]

mod cli;
mod embedded;
mod error;
mod printable;

use clap::Parser;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// The one flag of this field that is a word behind a single dash.
fn as_clap_has_it(word: OsString) -> OsString {
    if word == "-sys" { "--system".into() } else { word }
}

/// Prints what clap answers: help, the version, or what is wrong with the flags.
fn tell(answer: &clap::Error) -> ExitCode {
    match answer.print().and_then(|()| std::io::stdout().flush()) {
        Err(error) if !answer.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("ulp: {}", error::CliError::Output(error));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2)),
    }
}

fn main() -> ExitCode {
    let typed = match cli::Typed::try_parse_from(std::env::args_os().map(as_clap_has_it)) {
        Ok(typed) => typed,
        Err(answer) => return tell(&answer),
    };
    let mut out = std::io::stdout().lock();
    match typed.run(&mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ulp: {}", printable::printable_lines(&error.to_string()));
            error.exit_code()
        }
    }
}
