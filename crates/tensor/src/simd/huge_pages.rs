//! Large buffers on large pages.
//!
//! A product reads and writes rows that lie far apart, each in a page of its own; with pages of
//! 4 KiB the processor's cache of addresses misses at every row, which costs up to a fifth of the
//! time.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// The size of a large page on x86-64, and a multiple of the page sizes elsewhere.
const HUGE: usize = 2 << 20;

/// Asks the system to back `memory` with pages of 2 MiB, where it has them: touching it for the
/// first time then costs a fifth, and reading it fewer misses of the address cache. A hint: nothing
/// depends on whether it is heeded.
pub(crate) fn prefer<T>(memory: &mut [MaybeUninit<T>]) {
    let start = memory.as_mut_ptr() as usize;
    let end = start + size_of_val(memory);
    let (first, last) = (start.next_multiple_of(HUGE), end / HUGE * HUGE);
    if first < last {
        advise(first, last - first);
    }
}

/// Zeroed memory that begins and ends with a large page.
pub(crate) struct Buffer {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a `Buffer` owns its memory, as a `Vec` does.
unsafe impl Send for Buffer {}

impl Buffer {
    /// At least `bytes` of it.
    pub(crate) fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes.max(1).next_multiple_of(HUGE), HUGE);
        let layout = layout.expect("the buffer fits into memory");
        // SAFETY: the size is not 0.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        advise(start.as_ptr() as usize, layout.size());
        // SAFETY: the memory was allocated with this size just now.
        unsafe { start.write_bytes(0, layout.size()) };
        Buffer { start, layout }
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.layout.size()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout, and freed once.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

#[cfg(target_os = "linux")]
fn advise(address: usize, length: usize) {
    use std::ffi::{c_int, c_void};

    /// From `<asm-generic/mman-common.h>`.
    const MADV_HUGEPAGE: c_int = 14;
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    // SAFETY: the range lies inside memory that the caller holds exclusively and is aligned to
    // pages. This advice changes how memory is backed, not what it holds; a failure changes nothing.
    unsafe { madvise(address as *mut c_void, length, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise(_address: usize, _length: usize) {}
