//! `cargo xtask cross aarch64`: tests of numbers and kernels for another processor, under an emulator.
//!
//! It needs the target's standard library, a linker and QEMU's user mode, and says which of them is
//! missing. Cargo's own variables (`RUSTC`, `CARGO_TARGET_…_LINKER`, `CARGO_TARGET_…_RUNNER`) name
//! others than the usual ones. Not a step of CI: most machines have none of the three.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

/// A processor to test for.
struct Processor {
    name: &'static str,
    target: &'static str,
    linker: &'static str,
    /// The emulators that do, the first that is there.
    emulators: &'static [&'static str],
    /// Where the emulator finds the target's C library.
    libraries: &'static str,
    /// Debian's packages of linker and emulator.
    packages: &'static str,
}

const PROCESSORS: &[Processor] = &[Processor {
    name: "aarch64",
    target: "aarch64-unknown-linux-gnu",
    linker: "aarch64-linux-gnu-gcc",
    emulators: &["qemu-aarch64", "qemu-aarch64-static"],
    libraries: "/usr/aarch64-linux-gnu",
    packages: "gcc-aarch64-linux-gnu qemu-user",
}];

/// What is tested where no words name something else: draws for stochastic rounding, products of
/// matrices, every array operation's bits, and the products of every weight format on every
/// instruction set.
const TESTS: &[&[&str]] = &[
    &["--package", "fpbits", "--lib"],
    &["--package", "ulp-tensor", "--lib"],
    &["--package", "ulp-tensor", "--test", "operations", "same_bits"],
    &["--package", "ulp-infer", "--lib", "quant"],
];

/// Tests for the processor that the first word names: [`TESTS`], or what the other words tell
/// `cargo test`.
pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let (name, rest) = words.split_first().ok_or("cross takes the name of a processor: aarch64")?;
    let processor = PROCESSORS.iter().find(|processor| processor.name == name);
    let processor = processor.ok_or_else(|| format!("no processor {name:?}; there is aarch64"))?;
    let environment = environment(processor)?;
    if !rest.is_empty() {
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        return test(processor, &environment, &rest);
    }
    TESTS.iter().try_for_each(|words| test(processor, &environment, words))
}

fn test(
    processor: &Processor,
    environment: &[(String, String)],
    words: &[&str],
) -> Result<(), Box<dyn Error>> {
    println!("── {} {}", processor.name, words.join(" "));
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--target", processor.target]).args(words);
    let status = command.envs(environment.iter().map(|(key, value)| (key, value))).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("cargo test {} ended with {status}", words.join(" ")).into())
}

/// The variables that tell cargo how to link and run, or all that is missing.
fn environment(processor: &Processor) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let key = processor.target.to_uppercase().replace('-', "_");
    let (linker, runner) =
        (format!("CARGO_TARGET_{key}_LINKER"), format!("CARGO_TARGET_{key}_RUNNER"));
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    if !has_library(processor.target) {
        missing.push(format!(
            "the standard library of {0}, matching rustc: `rustup target add {0}`",
            processor.target
        ));
    }
    if env::var_os(&linker).is_none() {
        match runs(processor.linker) {
            true => found.push((linker, processor.linker.to_owned())),
            false => missing.push(format!("a linker: {}, or {linker}", processor.linker)),
        }
    }
    // A processor of the kind needs no emulator.
    if env::var_os(&runner).is_none() && env::consts::ARCH != processor.name {
        match processor.emulators.iter().find(|emulator| runs(emulator)) {
            Some(emulator) => {
                found.push((runner, format!("{emulator} -L {}", processor.libraries)))
            }
            None => {
                missing
                    .push(format!("an emulator: {}, or {runner}", processor.emulators.join(", ")));
            }
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let missing = missing.join("\n  ");
    Err(format!("missing (Debian: {}):\n  {missing}", processor.packages).into())
}

/// Whether rustc can compile programs for `target`.
fn has_library(target: &str) -> bool {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output =
        Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
    output.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists()
    })
}

fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
