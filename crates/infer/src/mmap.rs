//! Memory-mapped files: with `pages` and the kernels, where this crate has unsafe code.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;

use crate::error::InferError;

/// A file mapped into memory, read-only.
#[derive(Debug)]
pub(crate) struct Mapping {
    map: Mmap,
}

impl Mapping {
    /// Maps the whole of a file.
    pub(crate) fn open(path: &Path) -> Result<Self, InferError> {
        refuse_other_than_files(path).map_err(|e| InferError::io(path, e))?;
        let file = File::open(path).map_err(|e| InferError::io(path, e))?;
        // SAFETY: the mapping is read-only and private to this process. Another process that
        // truncates the file can still end us with SIGBUS; `Bytes::map` documents that, and no
        // reader of a mapped file can exclude it.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| InferError::io(path, e))?;
        Ok(Mapping { map })
    }

    /// Gives the pages that lie wholly inside `range` back to the system.
    pub(crate) fn release(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let Some((start, len)) = whole_pages(range) {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the mapping is shared, file-backed and never written, so that a dropped page is
            // read from the file again and holds the same bytes. (A refusal costs memory, nothing else.)
            let _ = unsafe { self.map.unchecked_advise_range(advice, start, len) };
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

/// To open a pipe would be to wait for somebody who writes to it.
fn refuse_other_than_files(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

/// Start and length of the pages that lie wholly inside a range of a mapping, if there are any. (Advice about
/// others would touch a neighbour's bytes: `memmap2` rounds down to the page's start.)
#[cfg(unix)]
pub(crate) fn whole_pages(range: Range<usize>) -> Option<(usize, usize)> {
    // The largest page size in use on the platforms we build for.
    const PAGE: usize = 1 << 16;
    let start = range.start.next_multiple_of(PAGE);
    let len = (range.end / PAGE * PAGE).checked_sub(start)?;
    (len > 0).then_some((start, len))
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}
