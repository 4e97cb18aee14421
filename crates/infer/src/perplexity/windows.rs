//! A long text in windows of one length.

/// Cuts a text's tokens into windows of `context` tokens, each of them judged alone.
///
/// The first half of a window is only read; in the second half every token but the first is scored,
/// so that each has at least `context`/2 tokens before it. What is left behind the last whole window
/// is not used, and a text shorter than a window is one. With a `bos`, the first token of every window
/// is replaced by it. These are the conventions of llama.cpp's `perplexity` tool, so that figures can
/// be compared.
///
/// # Examples
///
/// ```
/// use ulp_infer::Windows;
///
/// let ids: Vec<u32> = (10..31).collect();
/// let windows = Windows::new(&ids, 8, Some(1));
/// assert_eq!((windows.len(), windows.scored()), (2, 3));
/// assert_eq!(windows.get(1), [1, 19, 20, 21, 22, 23, 24, 25]);
/// assert_eq!(windows.scored_from(), 4); // 23, 24 and 25 are scored
/// ```
#[derive(Debug, Clone)]
pub struct Windows<'a> {
    ids: &'a [u32],
    context: usize,
    count: usize,
    bos: Option<u32>,
}

impl<'a> Windows<'a> {
    /// The windows of `ids`.
    ///
    /// # Panics
    ///
    /// If `context` is below 4: nothing would be scored.
    #[track_caller]
    pub fn new(ids: &'a [u32], context: usize, bos: Option<u32>) -> Self {
        assert!(context >= 4, "a window of {context} tokens scores nothing");
        let context = context.min(ids.len());
        let count = ids.len().checked_div(context).unwrap_or(0);
        Windows { ids, context, count: if context < 4 { 0 } else { count }, bos }
    }

    /// The same, but no more than `count` windows.
    #[must_use]
    pub fn at_most(mut self, count: usize) -> Self {
        self.count = self.count.min(count);
        self
    }

    /// How many windows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none: the text has fewer than four tokens.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Tokens in a window.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The first position whose next token is scored.
    pub fn scored_from(&self) -> usize {
        self.context / 2
    }

    /// Tokens that are scored in a window.
    pub fn scored(&self) -> usize {
        self.context.saturating_sub(1 + self.scored_from())
    }

    /// The tokens of window `index`.
    ///
    /// # Panics
    ///
    /// If there is no such window.
    #[track_caller]
    pub fn get(&self, index: usize) -> Vec<u32> {
        assert!(index < self.count, "window {index} of {}", self.count);
        let mut window = self.ids[index * self.context..][..self.context].to_vec();
        if let Some(bos) = self.bos {
            window[0] = bos;
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts() {
        for (len, windows, scored) in [(0, 0, 0), (3, 0, 1), (4, 1, 1), (7, 1, 3), (9, 1, 3)] {
            let ids: Vec<u32> = (0..len).collect();
            let cut = Windows::new(&ids, 8, None);
            assert_eq!((cut.len(), cut.is_empty()), (windows, windows == 0), "{len}");
            assert_eq!(cut.scored(), scored, "{len}");
        }
    }

    #[test]
    fn at_most_takes_the_first() {
        let ids: Vec<u32> = (0..100).collect();
        let cut = Windows::new(&ids, 10, None).at_most(3);
        assert_eq!(cut.len(), 3);
        assert_eq!(cut.get(2), (20..30).collect::<Vec<u32>>());
    }
}
