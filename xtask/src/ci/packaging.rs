//! Every crate builds alone from its packaged form.
//!
//! `cargo package` of the whole list resolves the crates against one another through a registry
//! that it makes on the fly, so this works before the first release.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::cargo::cargo_with;
use super::layering::FLOORS;

/// That the crates build is all that is asked here: nothing of them is run.
const PLAIN: &[&str] = &["opt-level=0", "debug=false"];

const NOT_PUBLISHED: [&str; 4] = ["xtask", "model-maker", "ulp-benches", "ulp-docs"];

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into());
    forget_the_last_run(Path::new(&target))?;
    // In its packaged form a crate knows neither this workspace's profiles nor its target folder. With
    // both, what the tests built of other people's crates is not built again for each of ours.
    let shared = ["--config", "Cargo.toml", "--target-dir", &target];
    let package = ["package", "--workspace", "--allow-dirty", "--quiet"];
    let excluded: Vec<&str> = NOT_PUBLISHED.iter().flat_map(|name| ["--exclude", name]).collect();
    cargo_with(&[package, shared].concat(), PLAIN, &excluded)
}

/// Cargo holds that what a registry serves under a version never changes, and keeps what it unpacked
/// and built of it. That is not so for the registry made on the fly, where each run serves anew what
/// is in the folders: without this, a second run would test the first one's crates.
fn forget_the_last_run(target: &Path) -> io::Result<()> {
    remove(&target.join("package"))?;
    for built in entries(&target.join("debug/.fingerprint"))? {
        remove_if_ours(&built)?;
    }
    // A registry on this machine has no host: its folder's name begins with the hash's hyphen.
    let local = |path: &PathBuf| path.file_name().is_some_and(|name| starts_with(name, "-"));
    for registry in entries(&cargo_home().join("registry/src"))?.iter().filter(|path| local(path)) {
        for unpacked in entries(registry)? {
            remove_if_ours(&unpacked)?;
        }
    }
    Ok(())
}

fn cargo_home() -> PathBuf {
    let home = || env::home_dir().unwrap_or_default().join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

fn starts_with(name: &std::ffi::OsStr, start: &str) -> bool {
    name.to_string_lossy().starts_with(start)
}

/// Removes `folder` where it is named for one of the floors and a version or hash.
fn remove_if_ours(folder: &Path) -> io::Result<()> {
    let name = folder.file_name().unwrap_or_default();
    let ours = FLOORS.iter().any(|floor| starts_with(name, &format!("{floor}-")));
    if ours { remove(folder) } else { Ok(()) }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// What is in `folder`; nothing where there is none.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listing => listing?.map(|entry| Ok(entry?.path())).collect(),
    }
}
