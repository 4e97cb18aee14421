//! A cheaply clonable, read-only run of bytes with its owner.

use std::fmt;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use crate::error::InferError;
use crate::mmap::Mapping;
use crate::pages::Pages;

/// A read-only run of bytes that keeps its owner alive: a mapped file, a vector or a static.
///
/// Cloning and slicing cost a reference count, never a copy, so that a model's tensors can all
/// point into one mapping.
///
/// # Examples
///
/// ```
/// use ulp_infer::Bytes;
///
/// let bytes = Bytes::from(vec![1, 2, 3, 4]);
/// let tail = bytes.slice(2..4);
/// drop(bytes);
/// assert_eq!(&tail[..], [3, 4]);
/// ```
#[derive(Clone)]
pub struct Bytes {
    owner: Owner,
    range: Range<usize>,
}

#[derive(Clone)]
enum Owner {
    Static(&'static [u8]),
    Owned(Arc<Vec<u8>>),
    Mapped(Arc<Mapping>),
    Pages(Arc<Pages>),
}

impl Bytes {
    /// Wraps bytes that live as long as the program.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Bytes { owner: Owner::Static(bytes), range: 0..bytes.len() }
    }

    /// Maps a file into memory, read-only.
    ///
    /// The file must not shrink while the mapping lives: reading a page that no longer exists ends
    /// the process (`SIGBUS`), as with every program that maps files.
    ///
    /// # Errors
    ///
    /// [`InferError::Io`] when it is not a regular file or cannot be opened or mapped.
    pub fn map(path: &Path) -> Result<Self, InferError> {
        let mapping = Mapping::open(path)?;
        let range = 0..mapping.len();
        Ok(Bytes { owner: Owner::Mapped(Arc::new(mapping)), range })
    }

    /// The part `range` of these bytes, sharing the owner.
    ///
    /// # Panics
    ///
    /// When `range` does not lie within the bytes.
    #[track_caller]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.len(),
            "slice {range:?} of {} bytes",
            self.len()
        );
        let start = self.range.start;
        Bytes { owner: self.owner.clone(), range: start + range.start..start + range.end }
    }

    /// Tells the system that the pages under these bytes will not be needed soon. They are read
    /// again from the file if they are; owned and static bytes are left alone.
    pub fn release(&self) {
        if let Owner::Mapped(mapping) = &self.owner {
            mapping.release(self.range.clone());
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Static(bytes) => bytes,
            Owner::Owned(bytes) => bytes,
            Owner::Mapped(mapping) => mapping,
            Owner::Pages(pages) => pages,
        };
        &all[self.range.clone()]
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Bytes { owner: Owner::Owned(Arc::new(bytes)), range }
    }
}

impl From<Pages> for Bytes {
    fn from(pages: Pages) -> Self {
        let range = 0..pages.len();
        Bytes { owner: Owner::Pages(Arc::new(pages)), range }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match self.owner {
            Owner::Static(_) => "static",
            Owner::Owned(_) => "owned",
            Owner::Mapped(_) => "mapped",
            Owner::Pages(_) => "pages",
        };
        write!(f, "Bytes({owner}, {:?})", self.range)
    }
}
