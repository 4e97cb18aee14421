//! Text from ids that come one at a time.

use std::sync::Arc;

use super::Parts;
use super::decoders::Progress;

/// Decodes one id at a time and never splits a character.
///
/// A character may be made of several tokens. Its bytes are held back until it is whole; bytes
/// that no further byte can complete become U+FFFD. All pieces together are the text that
/// [`Tokenizer::decode`](super::Tokenizer::decode) gives.
///
/// # Examples
///
/// ```
/// use ulp_infer::{EncodeOptions, train_byte_bpe};
///
/// // No text to learn from, so each byte is a token.
/// let tokenizer = train_byte_bpe([""], 256, &[])?;
/// let mut stream = tokenizer.stream();
/// let pieces: Vec<String> =
///     tokenizer.encode("é!", EncodeOptions::TEXT).into_iter().map(|id| stream.push(id)).collect();
/// assert_eq!(pieces, ["", "é", "!"]);
/// assert_eq!(stream.finish(), "");
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenStream {
    parts: Arc<Parts>,
    with_special: bool,
    progress: Progress,
    /// The beginning of a character: at most three bytes between calls.
    pending: Vec<u8>,
}

impl TokenStream {
    pub(super) fn new(parts: Arc<Parts>, with_special: bool) -> Self {
        let progress = parts.decoder.start();
        TokenStream { parts, with_special, progress, pending: Vec::new() }
    }

    /// The text that this id completes; often empty.
    pub fn push(&mut self, id: u32) -> String {
        let TokenStream { parts, with_special, progress, pending } = self;
        parts.decode_one(id, *with_special, progress, pending);
        let whole = pending.len() - incomplete_tail(pending);
        let text = String::from_utf8_lossy(&pending[..whole]).into_owned();
        pending.drain(..whole);
        text
    }

    /// What is held back, now that nothing follows: U+FFFD for a character that is not whole.
    pub fn finish(&mut self) -> String {
        self.progress = self.parts.decoder.start();
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}

/// The number of bytes at the end that could become a character.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        match str::from_utf8(rest) {
            Ok(_) => return 0,
            Err(error) => match error.error_len() {
                None => return rest.len() - error.valid_up_to(),
                Some(bad) => rest = &rest[error.valid_up_to() + bad..],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails() {
        assert_eq!(incomplete_tail(b"ab"), 0);
        assert_eq!(incomplete_tail(b"ab\xF0\x9F\xA6"), 3);
        assert_eq!(incomplete_tail(b"\xFFab\xC3"), 1);
        assert_eq!(incomplete_tail(b"\xF0\x9Fa"), 0);
        assert_eq!(incomplete_tail(b"\xC3\xFF"), 0);
    }
}
