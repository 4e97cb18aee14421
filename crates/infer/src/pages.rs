//! Memory of our own for weights, in large pages where the system grants them.
//!
//! A large page (2 MiB) lies on a multiple of its size. In mappings of their own, many matrices of a
//! model hold no whole one or a single one (docs/benchmarks.md has how much of a model's weights). So
//! matrices share mappings that begin where a large page begins, one behind the other.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::MmapMut;

#[cfg(unix)]
use crate::mmap::whole_pages;

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
struct Open {
    block: Weak<Block>,
    used: usize,
}

impl Open {
    const NONE: Open = Open { block: Weak::new(), used: 0 };

    /// The next `len` bytes, of another mapping if there are not so many left.
    fn part(&mut self, len: usize) -> Pages {
        let (block, at) = match self.block.upgrade() {
            Some(block) if block.len - self.used >= len => (block, self.used),
            _ => (Arc::new(Block::new(SHARED)), 0),
        };
        self.block = Arc::downgrade(&block);
        self.used = (at + len).next_multiple_of(LINE).min(SHARED);
        Pages { block, at, len }
    }
}

static OPEN: Mutex<Open> = Mutex::new(Open::NONE);

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
        // A panic of another thread left it as it was.
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).part(len)
    }
}

impl Drop for Pages {
    /// The mapping may live on with others' parts; what this one holds of the memory goes back now.
    fn drop(&mut self) {
        let skipped = self.block.start.addr() - self.block.map.as_ptr().addr();
        let part = skipped + self.at..skipped + self.at + self.len;
        #[cfg(unix)]
        if let Some((start, len)) = whole_pages(part) {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: these pages hold nothing but this part, which nobody can reach any more.
            let _ = unsafe { self.block.map.unchecked_advise_range(advice, start, len) };
        }
        #[cfg(not(unix))]
        let _ = part;
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
        let mut open = Open::NONE;
        let (first, second) = (open.part(1), open.part(1));
        let mapping = Arc::downgrade(&first.block);
        assert!(Arc::ptr_eq(&first.block, &second.block));
        drop(first);
        assert!(mapping.upgrade().is_some());
        drop(second);
        assert!(mapping.upgrade().is_none());
        assert_eq!(open.part(1).at, 0);
    }

    #[test]
    fn neighbours_keep_their_bytes_when_a_part_goes() {
        let mut open = Open::NONE;
        let mut parts = [(); 3].map(|()| open.part(1_000_001));
        for (part, byte) in parts.iter_mut().zip(1..) {
            part.fill(byte);
        }
        let [first, second, third] = parts;
        drop(second);
        assert!(first.iter().all(|&byte| byte == 1) && third.iter().all(|&byte| byte == 3));
    }
}
