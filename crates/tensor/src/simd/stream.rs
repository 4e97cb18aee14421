//! Writing past the caches.
//!
//! A store to memory that no cache holds reads the line first, only to overwrite it: a third of the traffic of
//! an operation that reads one array and writes another. A store past the caches does not. What is written so
//! comes from memory when it is read next; so it pays where the output would have been driven out anyway.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::Isa;
use super::transpose::fetch;

/// Outputs of more bytes are written past the caches: from about there on it pays even where the next operation
/// reads what this one has written.
pub(crate) const STREAM: usize = 32 << 20;

/// The elements that are made in the first cache before they are written: so few that the next are made while
/// these are on their way.
const STRIP: usize = 256;

/// The bytes of a cache line.
const LINE: usize = 64;

/// A strip that begins with a cache line.
#[repr(align(64))]
struct Lines<T>([MaybeUninit<T>; STRIP]);

/// How many elements ahead of those that are written the ones to be read are asked for: the processor foresees
/// less than memory needs, and nothing beyond a page.
const AHEAD: usize = 8 * STRIP;

/// Writes `out` past the caches, if the instruction set can, strip after strip: `write(part, strip)` writes the
/// elements of a part, for which it reads about as many elements of `from`. Others see them after the next
/// [`fence`].
#[inline(always)]
pub(super) fn in_strips<T: Copy>(
    out: &mut [MaybeUninit<T>],
    from: &[T],
    mut write: impl FnMut(Range<usize>, &mut [MaybeUninit<T>]),
) {
    let mut buffer = Lines([const { MaybeUninit::uninit() }; STRIP]);
    let copy = copy_lines(Isa::best());
    // Up to the first whole line, then strips of whole lines, then what is left.
    let first = out.as_ptr().align_offset(LINE).min(out.len());
    let (mut start, mut end) = (0, first);
    while start < out.len() {
        let (part, strip) = (&mut out[start..end], &mut buffer.0[..end - start]);
        for line in (start..end).step_by(LINE / size_of::<T>()) {
            fetch(from.as_ptr().wrapping_add(line + AHEAD));
        }
        write(start..end, strip);
        let lines = size_of_val(strip) / LINE;
        // SAFETY: so many lines are of the strip, and of the part, which begins with one unless it has none; the
        // processor has the instruction set.
        unsafe { copy(strip.as_ptr().cast(), part.as_mut_ptr().cast(), lines) };
        let whole = lines * LINE / size_of::<T>();
        part[whole..].copy_from_slice(&strip[whole..]);
        (start, end) = (end, (end + STRIP).min(out.len()));
    }
}

/// Copies whole lines, aligned ones, from one place to another.
type CopyLines = unsafe fn(*const u8, *mut u8, usize);

/// The copy past the caches, if the instruction set has one; else a copy.
fn copy_lines(isa: Isa) -> CopyLines {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => super::avx2::stream_lines,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => super::avx512::stream_lines,
        _ => |from, to, lines| {
            // SAFETY: the caller's promise.
            unsafe { std::ptr::copy_nonoverlapping(from, to, lines * LINE) };
        },
    }
}

/// Orders what this thread has written past the caches before what it writes from now on, such as the news that
/// it is done: such stores are ordered with no others.
#[inline(always)]
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction. (Newer compilers know it as safe.)
    #[allow(unused_unsafe)]
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_arrives_wherever_it_goes() {
        for start in 0..20 {
            for len in (0..70).chain([STRIP, 3 * STRIP + 5, 1000]) {
                let mut to = vec![MaybeUninit::new(-1.0_f32); 1100];
                let mut next = 0;
                in_strips(&mut to[start..start + len], &[], |part, strip| {
                    assert_eq!((part.start, part.len()), (next, strip.len()));
                    next = part.end;
                    for (y, i) in strip.iter_mut().zip(part) {
                        y.write(i as f32);
                    }
                });
                fence();
                for (i, y) in to.iter().enumerate() {
                    // SAFETY: all were initialised.
                    let y = unsafe { y.assume_init() };
                    let inside = (start..start + len).contains(&i);
                    assert_eq!(y, if inside { (i - start) as f32 } else { -1.0 });
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_copies_lines() {
        let from = Lines(std::array::from_fn::<_, STRIP, _>(|i| MaybeUninit::new(i as f32)));
        for isa in Isa::available() {
            let mut to = Lines([MaybeUninit::new(-1.0_f32); STRIP]);
            // SAFETY: both begin with a line and have 16 of them, of which the last stays; the processor has the
            // instruction set.
            unsafe { copy_lines(isa)(from.0.as_ptr().cast(), to.0.as_mut_ptr().cast(), 15) };
            fence();
            for (i, y) in to.0.iter().enumerate() {
                // SAFETY: all were initialised.
                let y = unsafe { y.assume_init() };
                assert_eq!(y, if i < 15 * 16 { i as f32 } else { -1.0 }, "{isa:?}");
            }
        }
    }
}
