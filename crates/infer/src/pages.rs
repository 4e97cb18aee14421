//! Memory of our own for weights, in large pages where the system grants them.
//!
//! A large page (2 MiB) lies on a multiple of its size. In mappings of their own, many matrices of a
//! model hold no whole one or a single one (docs/benchmarks.md has how much of a model's weights). So
//! matrices share mappings that begin where a large page begins, one behind the other.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::MmapMut;

/// Bytes of a large page.
const LARGE: usize = 1 << 21;
/// Bytes of a mapping that is shared. What is never written takes no memory.
const SHARED: usize = 1 << 28;
/// Where the bytes of each matrix begin: at a whole cache line.
const LINE: usize = 64;

/// Memory in whole pages, zero at first, parts of which are given out, each byte once.
#[derive(Debug)]
struct Block {
    map: MmapMut,
    /// The first byte that lies on a multiple of a large page.
    start: *mut u8,
    len: usize,
}

// SAFETY: through a `Block` nothing but a part that was given out is reached, and each part has one
// owner.
unsafe impl Send for Block {}
// SAFETY: see above.
unsafe impl Sync for Block {}

impl Block {
    fn new(len: usize) -> Self {
        let mut map = MmapMut::map_anon(len + LARGE).expect("memory for a matrix");
        let skipped = map.as_ptr().align_offset(LARGE).min(LARGE);
        // SAFETY: there are `LARGE` more bytes than asked for.
        let start = unsafe { map.as_mut_ptr().add(skipped) };
        let block = Block { map, start, len };
        #[cfg(target_os = "linux")]
        {
            // A refusal costs speed and nothing else. (What is skipped stays untouched.)
            let _ = block.map.advise_range(memmap2::Advice::HugePage, skipped, len);
        }
        block
    }
}

/// The mapping that is being given out and how much of it is. It lives as long as its parts.
static OPEN: Mutex<(Weak<Block>, usize)> = Mutex::new((Weak::new(), 0));

/// A part of a mapping.
#[derive(Debug)]
pub(crate) struct Pages {
    block: Arc<Block>,
    at: usize,
    len: usize,
}

impl Pages {
    /// `len` bytes of zeros.
    ///
    /// # Panics
    ///
    /// When there is no memory, as a vector does.
    pub(crate) fn zeroed(len: usize) -> Self {
        if len > SHARED / 4 {
            return Pages { block: Arc::new(Block::new(len)), at: 0, len };
        }
        // A panic of another thread left the two as they were.
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let (block, at) = match open.0.upgrade() {
            Some(block) if block.len - open.1 >= len => (block, open.1),
            _ => (Arc::new(Block::new(SHARED)), 0),
        };
        *open = (Arc::downgrade(&block), (at + len).next_multiple_of(LINE).min(SHARED));
        Pages { block, at, len }
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the part lies in the mapping, which lives as long as `block`, and is this one's alone.
        unsafe { std::slice::from_raw_parts(self.block.start.add(self.at), self.len) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: see above.
        unsafe { std::slice::from_raw_parts_mut(self.block.start.add(self.at), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_zero_apart_and_on_lines() {
        // Sizes whose sum needs a second mapping, and one with a mapping of its own.
        let sizes = [0, 1, 63, 64, 65, SHARED / 4 + 1].into_iter().chain([SHARED / 4 - 7; 5]);
        let mut parts: Vec<Pages> = Vec::new();
        for (index, size) in sizes.enumerate() {
            let mut part = Pages::zeroed(size);
            assert_eq!(part.len(), size);
            assert_eq!(part.as_ptr().align_offset(LINE), 0);
            let ends = [0, size / 2, size.saturating_sub(1)];
            for at in ends.into_iter().filter(|&at| at < size) {
                assert!(part[at] == 0 || ends[..2].contains(&at) && part[at] == index as u8 + 1);
                part[at] = index as u8 + 1;
            }
            parts.push(part);
        }
        let spans = parts.iter().map(|part| part.as_ptr_range()).collect::<Vec<_>>();
        for (i, a) in spans.iter().enumerate() {
            for b in &spans[..i] {
                assert!(a.end <= b.start || b.end <= a.start, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_mapping_goes_with_its_last_part() {
        let first = Pages::zeroed(SHARED / 2);
        let mapping = Arc::downgrade(&first.block);
        drop(first);
        assert!(mapping.upgrade().is_none());
    }
}
