//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::NnError;

/// Writes a file beside `path`, asks the system to put it on disk, and renames it to `path`.
/// A run that dies on the way leaves the old file as it was.
///
/// The file beside has a name that nobody has: `path` with the number of the process, a count and
/// `.partial` behind. Where `path` is a symbolic link, the file that it leads to is replaced, and
/// the link stays. What is there and not a regular file (a device, a pipe) cannot be replaced: it
/// is written to.
///
/// # Errors
///
/// [`NnError::Io`]; the file beside `path` is removed then.
pub fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), NnError> {
    let written = match fs::metadata(path) {
        Ok(found) if !found.is_file() => write_through(path, write),
        _ => end_of_links(path).and_then(|target| write_beside(&target, write)),
    };
    written.map_err(|source| NnError::Io { path: path.to_owned(), source })
}

fn write_through(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(OpenOptions::new().write(true).open(path)?);
    write(&mut out)?;
    out.flush()
}

fn write_beside(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let (beside, file) = Beside::create(path)?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    beside.rename(path)
}

/// Where a chain of symbolic links ends, whether there is something or not.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows.
    const LINKS: usize = 40;
    let mut end = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&end) {
            // Its parent is what a relative link is relative to; an absolute one replaces all.
            Ok(found) if found.is_symlink() => {
                let led = fs::read_link(&end)?;
                end.pop();
                end.push(led);
            }
            _ => return Ok(end),
        }
    }
    // The system's own words for links without an end.
    fs::canonicalize(path)
}

/// A file under a name that nobody had, removed unless it is renamed.
struct Beside(PathBuf);

impl Beside {
    fn create(path: &Path) -> io::Result<(Beside, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let beside = with_suffix(path, &format!(".{}-{count}.partial", std::process::id()));
            match File::create_new(&beside) {
                Ok(file) => return Ok((Beside(beside), file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        // There is nothing left to remove; who took the name meanwhile keeps it.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // The failure on the way is the one to tell; a leftover changes nothing.
        let _ = fs::remove_file(&self.0);
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
