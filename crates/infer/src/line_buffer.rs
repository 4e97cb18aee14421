//! Work space of f32 that starts on a cache line.

use std::ops::{Deref, DerefMut};

use ulp_tensor::pool;

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// Numbers of no particular value, the first of which starts on a cache line; memory is kept from use
/// to use.
///
/// Rows of 16 numbers then lie in a line each. In memory from the allocator each would lie in two,
/// and so be loaded twice, and at the borders of what two threads write, both would write to the same
/// lines. Large pages, where there are some, spare the processor a search for the address of each row.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    memory: Vec<f32>,
    start: usize,
    len: usize,
}

impl LineBuffer {
    /// The buffer with `len` numbers.
    pub(crate) fn sized(&mut self, len: usize) -> &mut [f32] {
        if self.memory.len() < self.start + len {
            // What was there is not copied; it goes before the new memory comes.
            self.memory = Vec::new();
            self.memory = pool::zeros(len + LINE / size_of::<f32>());
            self.start = self.memory.as_ptr().align_offset(LINE);
        }
        self.len = len;
        self
    }
}

impl Deref for LineBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..][..self.len]
    }
}

impl DerefMut for LineBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_starts_on_a_line_and_memory_is_kept() {
        let mut buffer = LineBuffer::default();
        assert!(buffer.is_empty());
        for len in [1, 16, 17, 100_000] {
            let numbers = buffer.sized(len);
            assert_eq!((numbers.len(), numbers.as_ptr() as usize % LINE), (len, 0));
        }
        buffer.fill(1.0);
        let place = buffer.as_ptr();
        assert_eq!(buffer.sized(3), [1.0; 3]);
        assert_eq!((buffer.len(), buffer.as_ptr()), (3, place));
    }
}
