//! Outputs that would be written over what the command reads.

use crate::error::CliError;
use std::fs;
use std::path::{Path, PathBuf};

/// Refuses an output that is one of the inputs, or a file of an input that is a directory, under
/// whatever name.
pub(super) fn refuse_inputs<'a>(
    argument: &'static str,
    output: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CliError> {
    let Some(written) = identity(output) else { return Ok(()) };
    let mut files = inputs.into_iter().flat_map(files);
    match files.find(|file| identity(file).as_ref() == Some(&written)) {
        None => Ok(()),
        Some(file) => {
            let (output, file) = (output.display(), file.display());
            Err(CliError::usage(argument, format!("{output} is {file}, which is read")))
        }
    }
}

/// A file, or those of a model's directory.
fn files(input: &Path) -> Vec<PathBuf> {
    match fs::read_dir(input) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        // Whoever reads it says what is wrong with it.
        Err(_) => vec![input.to_path_buf()],
    }
}

/// What two names of one file have in common. A device or a pipe has none: it is written to and not
/// over.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((found.dev(), found.ino()))
}

/// The same where the system has no numbers for files; hard links are not seen through.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    path.canonicalize().ok()
}
