//! Large buffers on large pages.

use std::mem::MaybeUninit;

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
