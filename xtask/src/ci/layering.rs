//! The load-bearing walls that `cargo tree` can show: who may depend on whom.

use std::error::Error;
use std::process::Command;

/// The floors, lowest first: a crate may depend only on crates that stand before it here.
pub(super) const FLOORS: &[&str] = &[
    "fpbits",
    "ulp-tensor",
    "ulp-autograd",
    "ulp-optim",
    "ulp-nn",
    "ulp-infer",
    "ulp-serve",
    "ulp",
];

/// What must not be found below a crate, and why.
const ABSENT: &[(&str, &str, &str)] = &[
    ("xtask", "fpbits", "automation is there before any floor is built"),
    ("ulp-optim", "ulp-autograd", "an update rule does not know the tape"),
    ("ulp-infer", "tokio", "no runtime below serve"),
    ("ulp-infer", "clap", "only the command reads flags"),
    ("ulp-infer", "indicatif", "only the command draws"),
    ("ulp-serve", "clap", "only the command reads flags"),
    ("ulp-serve", "tracing-subscriber", "only the command writes logs"),
];

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    fpbits_stands_alone()?;
    for (height, name) in FLOORS.iter().enumerate() {
        let below = dependencies(name)?;
        for above in &FLOORS[height + 1..] {
            if below.iter().any(|dependency| dependency == above) {
                return Err(format!("{name} depends on {above}, which stands above it").into());
            }
        }
    }
    for (name, absent, reason) in ABSENT {
        if dependencies(name)?.iter().any(|dependency| dependency == absent) {
            return Err(format!("{name} depends on {absent}: {reason}").into());
        }
    }
    Ok(())
}

/// Wall 1: `fpbits` depends on no other crate by default.
fn fpbits_stands_alone() -> Result<(), Box<dyn Error>> {
    match dependencies("fpbits")?.as_slice() {
        [] => Ok(()),
        found => Err(format!("fpbits depends on {}", found.join(", ")).into()),
    }
}

/// The names of all crates that `name` depends on, directly or not, tests left out.
fn dependencies(name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let output = Command::new("cargo")
        .args([
            "tree",
            "--package",
            name,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8(output.stdout)?;
    let names = text.lines().skip(1).filter_map(|line| line.split(' ').next());
    Ok(names.map(str::to_string).filter(|found| found != name).collect())
}
